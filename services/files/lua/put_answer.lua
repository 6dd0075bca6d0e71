-- Keep an answer, and let older ones go that are in its way.
--
-- KEYS  1 prefix
-- ARGV  1 answer
--       2 its owner
--       3 its bytes, sealed
--       4 how long it lives, ms
--       5 how many bytes of all answers may be here
--       6 how many of those of one owner
-- Reply its end, ms, or 0 when there is no room for it
-- Keeps The bytes of all answers, and of those of each owner, are within their bounds, and
--       counted until they end. What one owner keeps makes room among its own first.

local answer, owner, size = ARGV[1], ARGV[2], #ARGV[3]
local now = read_clock()
local ends = now + tonumber(ARGV[4])
local most, owners_most = tonumber(ARGV[5]), tonumber(ARGV[6])

local function oldest_goes_while_over(zset, bytes, bound)
  for _ = 1, CHUNK do
    if bytes() + size <= bound then
      return true
    end
    local oldest = redis.call('ZRANGE', zset, 0, 0)[1]
    if not oldest or not let_answer_go(oldest) then
      return false
    end
  end
  return bytes() + size <= bound
end

if size > most or size > owners_most then
  return 0
end
let_answer_go(answer)
local lapsed = redis.call('ZRANGEBYSCORE', named('answer_ends'), '-inf', now, 'LIMIT', 0, CHUNK)
for _, old in ipairs(lapsed) do
  let_answer_go(old)
end
local function owners_bytes()
  return tonumber(redis.call('HGET', named('owner_answers'), owner) or 0)
end
local function all_bytes()
  return tonumber(redis.call('GET', named('answer_bytes')) or 0)
end
if
  not oldest_goes_while_over(named('answers_owned', owner), owners_bytes, owners_most)
  or not oldest_goes_while_over(named('answer_ends'), all_bytes, most)
then
  return 0
end
redis.call('SET', named('answer', answer), ARGV[3], 'PXAT', ends)
redis.call('HSET', named('answer_rows'), answer, size .. ' ' .. owner)
redis.call('ZADD', named('answer_ends'), ends, answer)
redis.call('ZADD', named('answers_owned', owner), ends, answer)
redis.call('HINCRBY', named('owner_answers'), owner, size)
redis.call('INCRBY', named('answer_bytes'), size)
return ends
