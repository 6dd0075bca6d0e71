-- Forget the binding of a resource.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 resource
--       2 client whose it must be, or '' for any
-- Reply 1 when it was bound
-- Keeps A resource without a binding stands in nobody's list.

local name = named('binding', ARGV[1])
local bound = redis.call('GET', name)
if not bound then
  return 0
end
local owner = cjson.decode(bound).client
if ARGV[2] ~= '' and ARGV[2] ~= owner then
  return 0
end
redis.call('DEL', name)
redis.call('ZREM', named('owned', owner), ARGV[1])
return 1
