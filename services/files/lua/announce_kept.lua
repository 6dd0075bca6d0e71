-- Let what will be kept be dropped some time.
--
-- KEYS  1 prefix
-- ARGV  1 id
--       2 how long it is kept, ms
-- Reply 1
-- Keeps There is nothing in the store of bytes that would not be dropped.

redis.call('ZADD', named('kept'), read_clock() + tonumber(ARGV[2]), ARGV[1])
return 1
