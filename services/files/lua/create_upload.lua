-- Make an upload, once for each request.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 request, or '' for one that is not repeated
--       3 the sealed id of the upload
--       4 how long the upload lives, ms
--       5 how long the request is remembered, ms
--       6 owner, 7 uploads that an owner may have open
--       8 ... pairs of fields and values
-- Reply {} when made, {sealed id} of the upload that the same request made before, {'', ''} when
--       its owner has too many open
-- Keeps A request makes one upload. An upload stands in `ends`, and with its owner, until it ends.

local upload, request, sealed_id = ARGV[1], ARGV[2], ARGV[3]
if request ~= '' then
  local earlier = redis.call('GET', named('request', request))
  if earlier then
    return { earlier }
  end
end
local now, open = read_clock(), named('open', ARGV[6])
redis.call('ZREMRANGEBYSCORE', open, '-inf', now)
if redis.call('ZCARD', open) >= tonumber(ARGV[7]) then
  return { '', '' }
end
if request ~= '' then
  redis.call('SET', named('request', request), sealed_id, 'PX', ARGV[5])
end
local ends = now + tonumber(ARGV[4])
local key = named('upload', upload)
redis.call(
  'HSET', key, 'state', 'active', 'fence', 0, 'offset', 0, 'tail', 0, 'created', text(now),
  'ends', text(ends), unpack(ARGV, 8))
redis.call('PEXPIREAT', key, ends + GRACE_MS)
redis.call('ZADD', named('ends'), ends, upload)
redis.call('ZADD', open, ends, upload)
redis.call('PEXPIREAT', open, ends + GRACE_MS)
return {}
