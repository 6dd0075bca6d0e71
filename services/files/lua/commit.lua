-- Note how many bytes lie at the upstream.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 fence of the writer
--       3 bytes at the upstream
-- Reply '' or why the writer must not go on
-- Keeps Committed bytes, those upstream and those of the tail, never become fewer. The tail
--       begins where the upstream's bytes end.

local upload, offset = ARGV[1], tonumber(ARGV[3])
local why = barred(upload, ARGV[2])
if why then
  return why
end
local key = named('upload', upload)
local row = redis.call('HMGET', key, 'offset', 'tail')
local before, tail = tonumber(row[1]), tonumber(row[2])
if offset <= before then
  return ''
end
local left = math.max(0, tail - (offset - before))
if left > 0 then
  local name = named('tail', upload)
  redis.call('SET', name, redis.call('GETRANGE', name, tail - left, -1), 'KEEPTTL')
end
tail_becomes(upload, left)
redis.call('HSET', key, 'offset', text(offset), 'tail', left)
return ''
