-- Change fields of a token that exists.
--
-- KEYS  1 prefix of tokens
-- ARGV  1 token id
--       2.. fields and values to store
-- Reply 1, or 0 when there is no such token
-- Keeps Nothing is stored for a token that does not exist.

local name = KEYS[1] .. 't:' .. ARGV[1]
if redis.call('EXISTS', name) == 0 then
  return 0
end
redis.call('HSET', name, unpack(ARGV, 2))
return 1
