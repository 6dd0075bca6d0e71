-- Name the data of this server anew.
--
-- KEYS  1 hash that tells one set of data from another
-- ARGV  1 name
--       2 name of before that does not count any more, or ''
-- Reply the name that the data have now
-- Keeps Of those who find the data gone at the same time, one names them.

local named_now = redis.call('HGET', KEYS[1], 'epoch')
if named_now and named_now ~= ARGV[2] then
  return named_now
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
return ARGV[1]
