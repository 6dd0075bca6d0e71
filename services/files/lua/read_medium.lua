-- Read a medium.
--
-- KEYS  1 prefix
-- ARGV  1 medium
--       2 the first byte that is wanted
--       3 how many at most
-- Reply {type, size, end in ms, what is kept elsewhere as JSON or '', bytes}, {} when there is none
-- Keeps Nothing changes.

local row = redis.call('HMGET', named('medium', ARGV[1]), 'type', 'size', 'ends', 'kept')
if not row[1] or tonumber(row[3]) <= read_clock() then
  return {}
end
local at, size = tonumber(ARGV[2]), tonumber(ARGV[3])
row[5] = ''
if row[4] == '' and size > 0 then
  row[5] = redis.call('GETRANGE', named('medium_bytes', ARGV[1]), at, at + size - 1)
end
return row
