-- Add a key unless it is known.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 key
--       2 project
--       3 1 to bring a removed key back, 0 to respect its tombstone
--       4.. fields and values to store
-- Reply 'created' | 'known' | 'removed'
-- Keeps A key that exists keeps all it has. A key belongs to one project.

local key_id, project, revives = ARGV[1], ARGV[2], ARGV[3] == '1'
local name = named('key', key_id)
local state = redis.call('HGET', name, 'state')
if state and state ~= 'removed' then
  return 'known'
elseif state and not revives then
  return 'removed'
end
local now = read_clock()
redis.call('DEL', name)
redis.call(
  'HSET', name, 'project', project, 'state', 'active', 'since', text(now),
  unpack(ARGV, 4))
redis.call('ZADD', named('key_ids'), 0, key_id)
join(key_id, project)
enlist(key_id, project)
return 'created'
