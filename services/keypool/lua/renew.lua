-- Extend a lease that is still open.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 lease
--       2 key
--       3 lifetime   ms from now
-- Reply the new end in ms, or '' when the lease has lapsed or was settled
-- Keeps A lease never ends earlier than was promised before.

local open, number = named('leases', ARGV[2]), string.match(ARGV[1], '^%d+')
local now = pool_clock()
local expires = tonumber(redis.call('ZSCORE', open, number) or 0)
if expires <= now then
  return ''
end
expires = math.max(expires, now + tonumber(ARGV[3]))
redis.call('ZADD', open, expires, number)
-- XX: those of a key in use have no end, see enlisting.
redis.call('PEXPIRE', open, LEASES_MS, 'XX')
return text(expires)
