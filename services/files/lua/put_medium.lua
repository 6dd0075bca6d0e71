-- Keep a medium.
--
-- KEYS  1 prefix
-- ARGV  1 medium
--       2 its type
--       3 its size
--       4 how long it lives, ms
--       5 its bytes, or '' when they are kept elsewhere
--       6 how many bytes of all media may be here
--       7 what is kept elsewhere as JSON, or ''
--       8 the id of that, or ''
-- Reply {its end, ms}, or {0, ms until there may be room}
-- Keeps The bytes of all media here are within their bound, and counted until they end.

local medium, size, data = ARGV[1], tonumber(ARGV[3]), ARGV[5]
local now = read_clock()
local ends = now + tonumber(ARGV[4])
if ARGV[8] ~= '' then
  redis.call('ZADD', named('kept'), ends, ARGV[8])
else
  local lapsed = redis.call('ZRANGEBYSCORE', named('media_ends'), '-inf', now, 'LIMIT', 0, CHUNK)
  for _, old in ipairs(lapsed) do
    redis.call('DECRBY', named('media_total'), redis.call('HGET', named('media_sizes'), old) or 0)
    redis.call('HDEL', named('media_sizes'), old)
    redis.call('ZREM', named('media_ends'), old)
    redis.call('DEL', named('medium', old), named('medium_bytes', old))
  end
  if tonumber(redis.call('GET', named('media_total')) or 0) + size > tonumber(ARGV[6]) then
    local first = redis.call('ZRANGE', named('media_ends'), 0, 0, 'WITHSCORES')
    return { 0, first[2] and tonumber(first[2]) - now or 0 }
  end
  redis.call('SET', named('medium_bytes', medium), data, 'PXAT', ends)
  redis.call('ZADD', named('media_ends'), ends, medium)
  redis.call('HSET', named('media_sizes'), medium, size)
  redis.call('INCRBY', named('media_total'), size)
end
redis.call(
  'HSET', named('medium', medium), 'type', ARGV[2], 'size', size, 'ends', text(ends),
  'kept', ARGV[7])
redis.call('PEXPIREAT', named('medium', medium), ends)
return { ends }
