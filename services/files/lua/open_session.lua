-- Remember the session at the upstream, or the project in which it is to be opened.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 fence of the writer, 0 before there is one
--       3 project
--       4 sealed session, or '' for the project alone
--       5 granule of the session
--       6 what its bytes are kept under, or '', 7 the same as JSON
-- Reply '' or why the writer must not go on
-- Keeps The session is stored before a byte goes there, so that its truth can be asked for.
--       What is kept is known, and when it is to be dropped, before there is anything.

local why = barred(ARGV[1], ARGV[2])
if why then
  return why
end
local key = named('upload', ARGV[1])
redis.call('HSET', key, 'project', ARGV[3])
if ARGV[4] ~= '' then
  redis.call('HSET', key, 'session', ARGV[4], 'granule', ARGV[5])
  pass_kept(ARGV[1], read_clock())
  if ARGV[6] ~= '' then
    redis.call('HSET', key, 'kept_id', ARGV[6], 'kept', ARGV[7])
    redis.call('ZADD', named('kept'), tonumber(redis.call('HGET', key, 'ends')) + GRACE_MS, ARGV[6])
  end
end
return ''
