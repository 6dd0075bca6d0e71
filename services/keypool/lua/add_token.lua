-- Store a client token unless it is known.
--
-- KEYS  1 prefix of tokens
-- ARGV  1 token id
--       2.. fields and values to store
-- Reply 1 when stored, 0 when known, be it revoked
-- Keeps A token that exists, or was revoked, keeps all it has.

local name = KEYS[1] .. 't:' .. ARGV[1]
if redis.call('EXISTS', name) == 1 then
  return 0
end
redis.call('HSET', name, 'created', text(read_clock()), unpack(ARGV, 2))
redis.call('ZADD', KEYS[1] .. 'ids', 0, ARGV[1])
return 1
