-- Append bytes that do not fill a granule yet.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 fence of the writer
--       3 where the bytes belong
--       4 bytes that all tails may have together
--       5 bytes that the tails of one owner may have
--       6 bytes
-- Reply '' or why not: see `barred`, or `full`, or `owner full`
-- Keeps All tails together, and those of each owner, stay within their bounds. Repeated bytes are
--       appended once.

local upload, at, piece = ARGV[1], tonumber(ARGV[3]), ARGV[6]
local why = barred(upload, ARGV[2])
if why then
  return why
end
local key = named('upload', upload)
local row = redis.call('HMGET', key, 'offset', 'tail', 'ends')
local tail = tonumber(row[2])
local stored = tonumber(row[1]) + tail
if at + #piece == stored then
  return ''
end
if at ~= stored then
  return redis.error_reply('ERR bytes for ' .. ARGV[3] .. ' but ' .. text(stored) .. ' are stored')
end
local function exceeds(held, bound)
  return tonumber(held or 0) + #piece > tonumber(bound)
end
local function is_full()
  return exceeds(redis.call('GET', named('tail_bytes')), ARGV[4])
end
if is_full() then
  -- Uploads whose time is over give theirs back now, not when they are swept.
  local over = redis.call(
    'ZRANGEBYSCORE', named('ends'), '-inf', read_clock(), 'LIMIT', 0, CHUNK)
  for _, other in ipairs(over) do
    tail_becomes(other, 0)
  end
  if is_full() then
    return 'full'
  end
end
if exceeds(redis.call('HGET', named('owner_tails'), owner_of(upload)), ARGV[5]) then
  return 'owner full'
end
local name = named('tail', upload)
redis.call('APPEND', name, piece)
redis.call('PEXPIREAT', name, tonumber(row[3]) + GRACE_MS)
tail_becomes(upload, tail + #piece)
redis.call('HSET', key, 'tail', tail + #piece)
return ''
