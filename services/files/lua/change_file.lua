-- Replace what is recorded of a file.
--
-- KEYS  1 prefix
-- ARGV  1 id of the file
--       2 file as JSON
--       3 when it ends, ms
-- Reply 1 when changed, 0 when there is no such file any more
-- Keeps A file that was deleted does not come back.

local name = named('file', ARGV[1])
if redis.call('SET', name, ARGV[2], 'XX', 'PXAT', ARGV[3]) then
  return 1
end
return 0
