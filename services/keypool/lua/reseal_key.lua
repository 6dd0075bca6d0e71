-- Replace the sealed secret and proxy of a key, if they are still what was read.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 key
--       2 sealed secret as it was read, whole
--       3 sealed proxy as it was read, '' for none
--       4 first part of the new sealed secret
--       5 rest of it, '' when there is none
--       6 new sealed proxy, '' for none
-- Reply 1 when replaced, 0 when somebody changed or removed it meanwhile
-- Keeps A newer secret is never overwritten with an older one.

local name = named('key', ARGV[1])
local row = redis.call('HMGET', name, 'secret', 'end', 'proxy', 'state')
if not row[1] or row[4] == 'removed'
  or row[1] .. (row[2] or '') ~= ARGV[2] or (row[3] or '') ~= ARGV[3] then
  return 0
end
for at, field in ipairs({ 'secret', 'end', 'proxy' }) do
  if ARGV[at + 3] == '' then
    redis.call('HDEL', name, field)
  else
    redis.call('HSET', name, field, ARGV[at + 3])
  end
end
return 1
