-- Forget a file.
--
-- KEYS  1 prefix
-- ARGV  1 id, 2 owner, 3 pool and 4 name of the file
--       5 id of what is kept of it, or ''
--       6 its generation
-- Reply 1 when there was one, 0 when it had gone before
-- Keeps A file that is not recorded stands in no list, has no copies, and nothing of it is kept.
--       Another file of the same name stays as it is.

if ARGV[5] ~= '' then
  redis.call('ZADD', named('kept'), read_clock(), ARGV[5])
end
local generation = generation_of(ARGV[1])
if generation and generation ~= ARGV[6] then
  return 0
end
redis.call('ZREM', named('owned', ARGV[2]), ARGV[4])
redis.call('ZREM', named('pooled', ARGV[3]), ARGV[4])
redis.call('DEL', named('copies', ARGV[1]))
return redis.call('DEL', named('file', ARGV[1]))
