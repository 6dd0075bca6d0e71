-- Begin a write: the newest writer wins.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 a media type that tells something, or ''
-- Reply {1 when the writer before did not end in order, fields and values}, {} when there is no
--       such upload or its time is over
-- Keeps Each writer has a higher fence than those before it. `busy` stands while a writer has
--       not ended in order.

local key = named('upload', ARGV[1])
local row = redis.call('HMGET', key, 'state', 'ends', 'busy')
if not row[1] or tonumber(row[2]) <= read_clock() then
  return {}
end
if row[1] == 'active' then
  if ARGV[2] ~= '' then
    redis.call('HSETNX', key, 'hint', ARGV[2])
  end
  redis.call('HSET', key, 'busy', redis.call('HINCRBY', key, 'fence', 1))
end
return { row[3] and 1 or 0, redis.call('HGETALL', key) }
