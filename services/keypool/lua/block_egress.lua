-- Block a way out.
--
-- KEYS  1 the zset of ways out -> until when they are blocked
-- ARGV  1 way out
--       2 for how long, ms
-- Reply 1
-- Keeps A block is never shortened. What has ended is forgotten.

local now = read_clock()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], 'GT', text(now + tonumber(ARGV[2])), ARGV[1])
redis.call('PEXPIRE', KEYS[1], 3600000)
return 1
