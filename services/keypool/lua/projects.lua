-- What scripts share that move keys between projects. Comes after common.
--
-- A key without a declared project has one of its own, named after it. To keep 100,000 of
-- them small, such a project is written down nowhere while it has just that key and there
-- is nothing to say about it: its id tells all. Any other key of any project stands in
-- `members`, and a project with members in `projects`.

local OWN = 'own-'
local AUDIT_LINES = 50

local function own_project(key_id)
  return OWN .. key_id
end

-- The key after which a project is named, nil for one that is named otherwise.
local function namesake(project)
  if string.sub(project, 1, #OWN) == OWN then
    return string.sub(project, #OWN + 1)
  end
end

-- The namesake of a project, if it is in it.
local function own_key(project)
  local key_id = namesake(project)
  if key_id then
    local row = redis.call('HMGET', named('key', key_id), 'project', 'state')
    if row[1] == project and row[2] ~= 'removed' then
      return key_id
    end
  end
end

local function has_keys(project)
  return redis.call('EXISTS', named('members', project)) == 1 or own_key(project) ~= nil
end

local function origin_of(project)
  local origin = redis.call('HGET', named('project', project), 'origin')
  return origin or (namesake(project) and 'own' or 'declared')
end

-- Write down that a key, whose `project` says so, belongs to a project.
local function join(key_id, project)
  redis.call('HDEL', named('merged'), project)
  if project ~= own_project(key_id) then
    redis.call('SADD', named('members', project), key_id)
    redis.call('ZADD', named('projects'), 0, project)
  end
  local tier = redis.call('HGET', named('filed'), 'tier/' .. project)
  if tier then
    redis.call('HSET', named('project', project), 'tier', tier)
  end
end

-- Write down that a key, whose `project` says so already, belongs to a project no more.
local function leave(key_id, project, now)
  delist(key_id, project, now)
  local members = named('members', project)
  redis.call('SREM', members, key_id)
  if redis.call('EXISTS', members) == 0 then
    redis.call('ZREM', named('projects'), project)
    if not own_key(project) then
      redis.call('DEL', named('project', project))
    end
  end
end

-- Let every model look at projects again that may be usable earlier than it seemed.
local function wake(projects)
  local rows = {}
  for project in pairs(projects) do
    rows[#rows + 1] = FIRST_TIME
    rows[#rows + 1] = project
  end
  if #rows == 0 then
    return
  end
  for _, model in ipairs(redis.call('ZRANGE', named('models'), 0, -1)) do
    redis.call('ZADD', named('order', model), 'XX', 'LT', unpack(rows))
  end
end

local function move_key(key_id, from, into, now)
  local name = named('key', key_id)
  redis.call('HSET', name, 'project', into)
  leave(key_id, from, now)
  join(key_id, into)
  if redis.call('HGET', name, 'state') == 'active' then
    enlist(key_id, into)
  end
end

local function write_audit(project, line)
  local name = named('project', project)
  local lines = cjson.decode(redis.call('HGET', name, 'audit') or '[]')
  lines[#lines + 1] = line
  while #lines > AUDIT_LINES do
    table.remove(lines, 1)
  end
  redis.call('HSET', name, 'audit', cjson.encode(lines))
end

-- The next projects from two lexical bounds on, each at most `limit`: those that are written
-- down, and those of the next keys that are just a key's own; also the last key looked at.
-- Nothing is compared here: the order of texts depends on the server's locale.
local function list_projects(from, from_key, limit)
  local listed = redis.call('ZRANGEBYLEX', named('projects'), from, '+', 'LIMIT', 0, limit)
  local keys = {}
  if from_key ~= '' then
    keys = redis.call('ZRANGEBYLEX', named('key_ids'), from_key, '+', 'LIMIT', 0, limit)
  end
  local owned = {}
  for _, key_id in ipairs(keys) do
    local project = own_project(key_id)
    if own_key(project) and redis.call('EXISTS', named('members', project)) == 0 then
      owned[#owned + 1] = project
    end
  end
  return listed, owned, #keys == limit and keys[limit] or ''
end
