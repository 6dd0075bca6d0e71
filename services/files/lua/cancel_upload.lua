-- Give an upload up.
--
-- KEYS  1 prefix
-- ARGV  1 upload
-- Reply {1 when it was given up now, fields and values as they were before}, {} when there is
--       no such upload or its time is over
-- Keeps An upload that has ended stays as it is.

local key = named('upload', ARGV[1])
local row = redis.call('HGETALL', key)
local state = redis.call('HMGET', key, 'state', 'ends')
if not state[1] or tonumber(state[2]) <= read_clock() then
  return {}
end
if state[1] ~= 'active' then
  return { 0, row }
end
redis.call('HSET', key, 'state', 'cancelled')
close_upload(ARGV[1])
return { 1, row }
