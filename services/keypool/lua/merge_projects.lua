-- Make one project of two, at most so many keys a step.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 project that ends
--       2 project that goes on
--       3 origin of the merged project, '' to leave it
--       4 audit line
--       5 1 when evidence asks for it: then no declared project ends
--       6 most keys to move
-- Reply 'merged' | 'more' when keys are left to move | 'same' | 'unknown' | 'declared'
-- Keeps A key belongs to one project. Whoever names the old project means the new one from
--       the first step on. Of both projects' quota states the merged one has what is
--       stricter, so what was granted before counts.

local from, into, origin, line = ARGV[1], resolve_project(ARGV[2]), ARGV[3], ARGV[4]
local is_evidence, most = ARGV[5] == '1', tonumber(ARGV[6])
-- A merge that was cut short goes on with the keys it left behind.
if not has_keys(from) then
  return resolve_project(from) == into and 'same' or 'unknown'
end
if from == into then
  return 'same'
elseif not has_keys(into) then
  return 'unknown'
elseif is_evidence and origin_of(from) == 'declared' then
  return 'declared'
end
local now = read_clock()

local function keys_to_move()
  local keys = redis.call('SRANDMEMBER', named('members', from), most)
  if #keys < most then
    keys[#keys + 1] = own_key(from)
  end
  return keys
end

merge_states(from, into, now)
local gone = redis.call('HMGET', named('project', from), 'tier', 'cool_until', 'cool_key')
for _, key_id in ipairs(keys_to_move()) do
  move_key(key_id, from, into, now)
end
redis.call('HSET', named('merged'), from, into)
if has_keys(from) then
  return 'more'
end

local own = named('project', into)
local cool_until = tonumber(gone[2] or 0)
if cool_until > math.max(now, project_cool_until(into)) then
  cool_whole_project(into, cool_until, gone[3] or '')
end
if gone[1] then
  redis.call('HSETNX', own, 'tier', gone[1])
end
-- What an operator declared stays so.
if origin ~= '' and (origin == 'declared' or origin_of(into) ~= 'declared') then
  redis.call('HSET', own, 'origin', origin)
end
redis.call('ZADD', named('projects'), 0, into)
write_audit(into, line)
return 'merged'
