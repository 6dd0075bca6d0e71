-- Replace the sealed proxies of a way out, if they are still what was read.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 name
--       2 sealed proxies as they were read
--       3 new ones
-- Reply 1 when replaced, 0 when somebody changed or removed them meanwhile
-- Keeps Newer proxies are never overwritten with older ones.

local egresses, field = named('egresses'), ARGV[1] .. '/proxies'
if redis.call('HGET', egresses, field) ~= ARGV[2] then
  return 0
end
redis.call('HSET', egresses, field, ARGV[3])
return 1
