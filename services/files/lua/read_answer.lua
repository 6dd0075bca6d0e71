-- Read an answer.
--
-- KEYS  1 prefix
-- ARGV  1 answer
-- Reply its bytes, sealed, or '' when there is none
-- Keeps Nothing changes.

local ends = redis.call('ZSCORE', named('answer_ends'), ARGV[1])
if not ends or tonumber(ends) <= read_clock() then
  return ''
end
return redis.call('GET', named('answer', ARGV[1])) or ''
