-- Change the states, the projects or the remarks of keys, all of them alike.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 change     JSON: {state, project, fields, add, drop, proxies}
--       state        'active' | 'paused' | 'dead' | 'revived' | 'unreadable' | 'readable' |
--                    'removed', '' to leave it
--       project      '' to leave it
--       fields       pairs of a field and its value to store; an empty value removes a field
--       add, drop    tags
--       proxies      1 to store the proxies that come with the keys
--       2.. pairs of a key and its sealed proxy, '' for none
-- Reply for each key: 0 when there is no such key | 1 when changed | 2 when changed, and it came
--       from the settings | 3 when it would have too many tags, and stays as it was
-- Keeps A key is live in its project if and only if it is active. A project exists as long
--       as it has a key. A removed key keeps its name and nothing else. Only what a state
--       can be reached from reaches it; a state that cannot be reached stays as it is.

local MOST_TAGS = 32
local FROM = {
  active = { paused = true, dead = true },
  paused = { active = true },
  dead = { active = true, paused = true },
  revived = { dead = true },
  unreadable = { active = true },
  readable = { unreadable = true },
}
local BECOMES = { revived = 'active', readable = 'active' }

local change = cjson.decode(ARGV[1])
local now = read_clock()

-- Whether it may decide who can be used.
local stirs = change.state ~= '' or change.project ~= ''
for _, pair in ipairs(change.fields) do
  stirs = stirs or pair[1] == 'max_in_flight' or pair[1] == 'priority' or pair[1] == 'weight'
end

-- All of them are withdrawn under one epoch, at the end.
local withdrawn, woken = {}, {}
local withdraw_now = withdraw
withdraw = function(_, what)
  withdrawn[#withdrawn + 1] = what
end

local dropped = {}
for _, tag in ipairs(change.drop) do dropped[tag] = true end

-- The tags that a key would have; nil when these are too many.
local function change_tags(before)
  local tags, known = {}, {}
  for _, list in ipairs({ before, change.add }) do
    for _, tag in ipairs(list) do
      if not known[tag] and not (list == before and dropped[tag]) then
        tags[#tags + 1], known[tag] = tag, true
      end
    end
  end
  return #tags <= MOST_TAGS and tags or nil
end

local function remove(key_id, project, name)
  local kept = redis.call('HMGET', name, 'seeded', 'alias', 'since')
  redis.call('ZREM', named('key_ids'), key_id)
  redis.call('DEL', name)
  redis.call(
    'HSET', name, 'state', 'removed', 'project', project,
    'seeded', kept[1] or '0', 'alias', kept[2] or '', 'since', kept[3] or '0')
  leave(key_id, project, now)
end

-- An operator who resumes a key has set right what its project was cooled for.
local function end_cooling(key_id, project)
  local own = named('project', project)
  if redis.call('HGET', own, 'cool_key') == key_id then
    redis.call('HDEL', own, 'cool_until', 'cool_key')
  end
end

local function store(name, field, value)
  if value == '' then
    redis.call('HDEL', name, field)
  else
    redis.call('HSET', name, field, value)
  end
end

local function store_all(name, tags, proxy)
  for _, pair in ipairs(change.fields) do
    store(name, pair[1], pair[2])
  end
  if tags then
    store(name, 'tags', #tags > 0 and cjson.encode(tags) or '')
  end
  if change.proxies == 1 then
    store(name, 'proxy', proxy)
  end
end

local function change_state(key_id, name, state, project)
  if change.state == 'active' then
    end_cooling(key_id, project)
  end
  if change.project ~= '' and change.project ~= project then
    move_key(key_id, project, change.project, now)
    project = change.project
  end
  local reached = FROM[change.state]
  if reached and reached[state] then
    state = BECOMES[change.state] or change.state
    redis.call('HSET', name, 'state', state)
    redis.call('HDEL', name, 'dead_reason')
  end
  return state, project
end

local function change_one(key_id, proxy)
  local name = named('key', key_id)
  local row = redis.call('HMGET', name, 'state', 'project', 'seeded', 'tags')
  local state, project, kind = row[1], row[2], row[3] == '1' and 2 or 1
  if not state or state == 'removed' then
    return 0
  end
  if change.state == 'removed' then
    remove(key_id, project, name)
    return kind
  end
  local tags
  if #change.add + #change.drop > 0 then
    tags = change_tags(row[4] and cjson.decode(row[4]) or {})
    if not tags then
      return 3
    end
  end
  state, project = change_state(key_id, name, state, project)
  store_all(name, tags, proxy)
  if not stirs then
    return kind
  elseif state == 'active' then
    enlist(key_id, project)
    woken[project] = true
  else
    delist(key_id, project, now)
  end
  return kind
end

local kinds = {}
for at = 2, #ARGV, 2 do
  kinds[#kinds + 1] = change_one(ARGV[at], ARGV[at + 1])
end
if #withdrawn > 0 then
  withdraw_now(now, unpack(withdrawn))
end
wake(woken)
return kinds
