-- Forget a file.
--
-- KEYS  1 prefix
-- ARGV  1 id, 2 owner, 3 pool and 4 name of the file
-- Reply 1 when there was one
-- Keeps A file that is not recorded stands in no list.

redis.call('ZREM', named('owned', ARGV[2]), ARGV[4])
redis.call('ZREM', named('pooled', ARGV[3]), ARGV[4])
return redis.call('DEL', named('file', ARGV[1]))
