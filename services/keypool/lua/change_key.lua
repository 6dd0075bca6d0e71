-- Change the state, the project or the remarks of a key.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 key
--       2 'active' | 'paused' | 'dead' | 'revived' | 'unreadable' | 'readable' | 'removed',
--         '' to leave the state
--       3 new project, or '' to leave it
--       4.. fields and values to store; an empty value removes a field
-- Reply 1, or 0 when there is no such key
-- Keeps A key is live in its project if and only if it is active. A project exists as long
--       as it has a key. A removed key keeps its name and nothing else. Only what a state
--       can be reached from reaches it; a state that cannot be reached stays as it is.

local key_id, wanted, target = ARGV[1], ARGV[2], ARGV[3]
local name = named('key', key_id)
local row = redis.call('HMGET', name, 'state', 'project')
local state, project = row[1], row[2]
if not state or state == 'removed' then
  return 0
end
local now = read_clock()

local FROM = {
  active = { paused = true, dead = true },
  paused = { active = true },
  dead = { active = true, paused = true },
  revived = { dead = true },
  unreadable = { active = true },
  readable = { unreadable = true },
}
local BECOMES = { revived = 'active', readable = 'active' }

local function remove()
  local kept = redis.call('HMGET', name, 'seeded', 'alias', 'since')
  redis.call('ZREM', named('key_ids'), key_id)
  redis.call('DEL', name)
  redis.call(
    'HSET', name, 'state', 'removed', 'project', project,
    'seeded', kept[1] or '0', 'alias', kept[2] or '', 'since', kept[3] or '0')
  leave(key_id, project, now)
end

-- An operator who resumes a key has set right what its project was cooled for.
local function end_cooling()
  local own = named('project', project)
  if redis.call('HGET', own, 'cool_key') == key_id then
    redis.call('HDEL', own, 'cool_until', 'cool_key')
  end
end

if wanted == 'removed' then
  remove()
  return 1
end
if wanted == 'active' then
  end_cooling()
end
if target ~= '' and target ~= project then
  move_key(key_id, project, target, now)
  project = target
end
if wanted ~= '' and FROM[wanted][state] then
  state = BECOMES[wanted] or wanted
  redis.call('HSET', name, 'state', state)
  redis.call('HDEL', name, 'dead_reason')
end
for at = 4, #ARGV, 2 do
  if ARGV[at + 1] == '' then
    redis.call('HDEL', name, ARGV[at])
  else
    redis.call('HSET', name, ARGV[at], ARGV[at + 1])
  end
end
if state == 'active' then
  enlist(key_id, project, now)
  wake(project, now)
else
  delist(key_id, project, now)
end
return 1
