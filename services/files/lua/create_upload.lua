-- Make an upload, once for each request.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 request, or '' for one that is not repeated
--       3 the sealed id of the upload
--       4 how long the upload lives, ms
--       5 how long the request is remembered, ms
--       6 ... pairs of fields and values
-- Reply {} when made, {sealed id} of the upload that the same request made before
-- Keeps A request makes one upload. An upload stands in `ends` until it ends.

local upload, request, sealed_id = ARGV[1], ARGV[2], ARGV[3]
if request ~= '' then
  local earlier = redis.call('GET', named('request', request))
  if earlier then
    return { earlier }
  end
  redis.call('SET', named('request', request), sealed_id, 'PX', ARGV[5])
end
local now = read_clock()
local ends = now + tonumber(ARGV[4])
local key = named('upload', upload)
redis.call(
  'HSET', key, 'state', 'active', 'fence', 0, 'offset', 0, 'tail', 0, 'created', text(now),
  'ends', text(ends), unpack(ARGV, 6))
redis.call('PEXPIREAT', key, ends + GRACE_MS)
redis.call('ZADD', named('ends'), ends, upload)
return {}
