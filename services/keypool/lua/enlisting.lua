-- Which keys are in use, and which projects cool as a whole. Comes after turns and withdraw.

-- Keys that join one after another start that far apart, in rounds.
local APART = 0.618034

-- A project has the largest weight of its keys in use, and a weight of 1 is not written down.
local function weigh(key_id, project, weight)
  local heavy = named('heavy', project)
  if weight > 1 then
    redis.call('ZADD', heavy, weight, key_id)
    set_counter('weighted', 1)
  elseif redis.call('ZREM', heavy, key_id) == 0 then
    return
  end
  local most = redis.call('ZRANGE', heavy, 0, 0, 'REV', 'WITHSCORES')[2]
  if most then
    redis.call('HSET', named('project', project), 'weight', most)
  else
    redis.call('HDEL', named('project', project), 'weight')
  end
end

-- Put a key into use, and its project with it.
local function enlist(key_id, project)
  local live = named('live', project)
  local share = redis.call('HMGET', named('key', key_id), 'priority', 'weight')
  local weight = tonumber(share[2] or 1)
  if not redis.call('ZSCORE', live, key_id) then
    local size = redis.call('ZCARD', live)
    local first = redis.call('ZRANGEBYSCORE', live, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    redis.call('ZADD', live, (first[2] or 0) + (size * APART) % 1 / weight, key_id)
  end
  redis.call('PERSIST', named('leases', key_id))
  if share[1] then
    set_counter('prioritized', 1)
  end
  weigh(key_id, project, weight)
  if not redis.call('ZSCORE', named('admitted'), project) then
    local number = redis.call('HINCRBY', named('counters'), 'admission', 1)
    redis.call('ZADD', named('admitted'), number, project)
  end
  -- Models that wait for a key with room look at it now.
  for _, model in ipairs(redis.call('SMEMBERS', named('parked', project))) do
    redis.call('ZADD', named('order', model), 'XX', 'LT', FIRST_TIME, project)
  end
end

-- Take a key out of use. Its project leaves the order of each model when it is met there.
local function delist(key_id, project, now)
  if redis.call('ZREM', named('live', project), key_id) == 0 then
    return
  end
  redis.call('PEXPIRE', named('leases', key_id), LEASES_MS)
  weigh(key_id, project, 1)
  if redis.call('ZCARD', named('live', project)) == 0 then
    redis.call('ZREM', named('admitted'), project)
  end
  withdraw(now, 'k' .. key_id)
end

local function project_cool_until(project)
  return tonumber(redis.call('HGET', named('project', project), 'cool_until') or 0)
end

-- Grants look at projects only as long as some may cool.
local function cool_whole_project(project, cool_until, key_id)
  redis.call('HSET', named('project', project), 'cool_until', cool_until, 'cool_key', key_id)
  set_counter('cooling', math.max(cool_until, counter('cooling')))
end
