-- Read an upload.
--
-- KEYS  1 prefix
-- ARGV  1 upload
-- Reply fields and values, {} when there is none or its time is over
-- Keeps Nothing changes.

local row = redis.call('HGETALL', named('upload', ARGV[1]))
local ends = redis.call('HGET', named('upload', ARGV[1]), 'ends')
if not ends or tonumber(ends) <= read_clock() then
  return {}
end
return row
