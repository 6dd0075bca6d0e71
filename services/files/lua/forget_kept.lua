-- Forget what was dropped for the last time.
--
-- KEYS  1 prefix
-- ARGV  1 id
-- Reply 1
-- Keeps Nothing else changes.

redis.call('ZREM', named('dropped'), ARGV[1])
return 1
