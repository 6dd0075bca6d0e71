-- End a write in order: everything that the writer sent upstream is accounted for.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 fence of the writer
-- Reply 1
-- Keeps Only the newest writer can say so.

local key = named('upload', ARGV[1])
if redis.call('HGET', key, 'busy') == ARGV[2] then
  redis.call('HDEL', key, 'busy')
end
return 1
