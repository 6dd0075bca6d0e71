-- Change the state, the project or the remarks of a key.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 key
--       2 'active' | 'paused' | 'unreadable' | 'removed' | 'readable' | '' to leave the state
--       3 new project, or '' to leave it
--       4.. fields and values to store
-- Reply 1, or 0 when there is no such key
-- Keeps A key is live in its project if and only if it is active. A project exists as long
--       as it has a key. A removed key keeps its name and nothing else.

local key_id, wanted, target = ARGV[1], ARGV[2], ARGV[3]
local name = named('key', key_id)
local row = redis.call('HMGET', name, 'state', 'project')
local state, project = row[1], row[2]
if not state or state == 'removed' then
  return 0
end
local now = read_clock()

local function leave(from)
  delist(key_id, from, now)
  if redis.call('HINCRBY', named('project', from), 'keys', -1) <= 0 then
    redis.call('DEL', named('project', from))
    redis.call('ZREM', named('projects'), from)
  end
end

if wanted == 'removed' then
  local kept = redis.call('HMGET', name, 'seeded', 'alias', 'created')
  leave(project)
  redis.call('ZREM', named('key_ids'), key_id)
  redis.call('DEL', name)
  redis.call(
    'HSET', name, 'state', 'removed', 'project', project,
    'seeded', kept[1] or '0', 'alias', kept[2] or '', 'created', kept[3] or '0')
  return 1
end

if target ~= '' and target ~= project then
  leave(project)
  project = target
  redis.call('HSET', name, 'project', project)
  redis.call('HINCRBY', named('project', project), 'keys', 1)
  redis.call('ZADD', named('projects'), 0, project)
end
-- From which states each state can be reached; anything else leaves the state as it is.
local FROM = {
  active = { paused = true, dead = true },
  paused = { active = true },
  unreadable = { active = true },
  readable = { unreadable = true },
}
if wanted ~= '' and not FROM[wanted][state] then
  wanted = ''
elseif wanted == 'readable' then
  wanted = 'active'
end
if wanted ~= '' then
  state = wanted
  redis.call('HSET', name, 'state', state)
  redis.call('HDEL', name, 'dead_reason')
end
if #ARGV > 3 then
  redis.call('HSET', name, unpack(ARGV, 4))
end
if state == 'active' then
  enlist(key_id, project, now)
else
  delist(key_id, project, now)
end
return 1
