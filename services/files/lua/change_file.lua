-- Replace what is recorded of a file.
--
-- KEYS  1 prefix
-- ARGV  1 id of the file
--       2 file as JSON
--       3 when it ends, ms
--       4 generation of the file
-- Reply 1 when changed, 0 when there is no such file any more
-- Keeps A file that was deleted does not come back, nor over another one of its name.

if generation_of(ARGV[1]) ~= ARGV[4] then
  return 0
end
redis.call('SET', named('file', ARGV[1]), ARGV[2], 'PXAT', ARGV[3])
return 1
