-- Change how the bytes of an upload are kept, or stop to keep them.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 fence of the writer
--       3 what is kept as JSON, or '' to drop it
-- Reply '' or why the writer must not go on
-- Keeps What is kept is whole, or dropped. An upload that is kept no more is not kept again.

local why = barred(ARGV[1], ARGV[2])
if why then
  return why
end
if ARGV[3] == '' then
  pass_kept(ARGV[1], read_clock())
elseif redis.call('HEXISTS', named('upload', ARGV[1]), 'kept_id') == 1 then
  redis.call('HSET', named('upload', ARGV[1]), 'kept', ARGV[3])
end
return ''
