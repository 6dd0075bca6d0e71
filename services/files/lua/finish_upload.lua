-- End an upload with the upstream's answer, and record the file that it became.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 fence of the writer
--       3 state: `final` or `failed`
--       4 size
--       5 HTTP status, 6 media type and 7 body of the answer
--       8 name of the file, or '' when it became none
--       9 id, 10 owner and 11 pool of the file, 12 file as JSON, 13 made and 14 ends, ms
--       15 1 when the file goes on with what was kept of the upload
-- Reply '' or why the writer must not go on
-- Keeps An upload ends once. A file is recorded with the end of its upload or not at all. What
--       was kept is dropped with the file, or now.

local upload, state = ARGV[1], ARGV[3]
local why = barred(upload, ARGV[2])
if why == state and redis.call('HGET', named('upload', upload), 'fence') == ARGV[2] then
  return ''
end
if why then
  return why
end
local key = named('upload', upload)
redis.call(
  'HSET', key, 'state', state, 'status', ARGV[5], 'type', ARGV[6], 'answer', ARGV[7],
  'file', ARGV[8])
if state == 'final' then
  redis.call('HSET', key, 'offset', ARGV[4], 'tail', 0)
end
if ARGV[15] == '1' then
  pass_kept(upload, tonumber(ARGV[14]))
end
close_upload(upload)
if ARGV[8] ~= '' then
  put_file(ARGV[9], ARGV[10], ARGV[11], ARGV[8], ARGV[12], ARGV[13], ARGV[14])
end
return ''
