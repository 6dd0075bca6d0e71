-- Note that a project was refused for quota, and tell which others are refused whenever it is.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 project that was refused
--       2 model
--       3 how near in time two refusals are together, ms
--       4 how far apart two times must be to count as two, ms
--       5 after how many times to tell
--       6 for how long a pair is not told again, ms
-- Reply {the project as it is called now, others that were refused together with it...}; no
--       declared project is told
-- Keeps A pair is told once in that time, whoever asks. All that is kept ends by itself.

local NEIGHBOURS = 16
local MOST_PAIRS = 20000
local PAIRS_MS = 3600000
local REFUSALS_MS = 600000

local model = ARGV[2]
local near, apart, enough = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local pause = ARGV[6]
local project = resolve_project(ARGV[1])
if origin_of(project) == 'declared' or not has_keys(project) then
  return { project }
end
local now = read_clock()
local refusals, pairs_name = named('refusals', model), named('pairs')
redis.call('ZREMRANGEBYSCORE', refusals, '-inf', now - near)
local others = redis.call('ZRANGE', refusals, 0, NEIGHBOURS - 1, 'REV')
redis.call('ZADD', refusals, now, project)
redis.call('PEXPIRE', refusals, REFUSALS_MS)

-- Which of two names comes first does not matter, but it must be the same each time.
local function pair_of(one, other)
  if redis.sha1hex(one) < redis.sha1hex(other) then
    return one .. ' ' .. other
  end
  return other .. ' ' .. one
end

local function is_told(pair)
  local count, last = string.match(redis.call('HGET', pairs_name, pair) or '0 0', '(%d+) (%d+)')
  if now - tonumber(last) < apart then
    return false
  end
  count = tonumber(count) + 1
  redis.call('HSET', pairs_name, pair, count .. ' ' .. text(now))
  return count >= enough
    and redis.call('SET', named('compared', pair), 1, 'NX', 'PX', pause)
end

local told = { project }
for _, other in ipairs(others) do
  if other ~= project and origin_of(other) ~= 'declared' and has_keys(other)
    and is_told(pair_of(project, other)) then
    told[#told + 1] = other
  end
end
if redis.call('HLEN', pairs_name) > MOST_PAIRS then
  redis.call('DEL', pairs_name)
end
redis.call('PEXPIRE', pairs_name, PAIRS_MS)
return told
