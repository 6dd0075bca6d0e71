-- Which keys are in use, and which projects cool as a whole. Comes after turns and withdraw.

-- Put a key into use, and its project with it.
local function enlist(key_id, project, now)
  local live = named('live', project)
  local is_new = redis.call('ZADD', live, 'NX', newcomer(now), key_id) == 1
  if is_new and redis.call('ZCARD', live) == 2 then
    -- Nobody kept the rank of the one that was alone.
    for _, other in ipairs(redis.call('ZRANGE', live, 0, -1)) do
      redis.call('ZADD', live, newcomer(now), other)
    end
  end
  redis.call('PERSIST', named('leases', key_id))
  if redis.call('HGET', named('key', key_id), 'priority') then
    set_counter('prioritized', 1)
  end
  if not redis.call('ZSCORE', named('admitted'), project) then
    local number = redis.call('HINCRBY', named('counters'), 'admission', 1)
    redis.call('ZADD', named('admitted'), number, project)
  end
  -- Models that wait for a key with room look at it now.
  for _, model in ipairs(redis.call('SMEMBERS', named('parked', project))) do
    redis.call('ZADD', named('order', model), 'XX', 'LT', now, project)
  end
end

-- Take a key out of use. Its project leaves the order of each model when it is met there.
local function delist(key_id, project, now)
  if redis.call('ZREM', named('live', project), key_id) == 0 then
    return
  end
  redis.call('PEXPIRE', named('leases', key_id), LEASES_MS)
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
