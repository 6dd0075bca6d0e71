-- Declare what the quota file says, or withdraw what an earlier one said.
--
-- KEYS  1 prefix of the pool
-- ARGV  pairs of a field and its value, '' to withdraw it:
--       'p/<project>/<model>', 't/<tier>/<model>'  limits as JSON
--       'tier/<project>'                           tier
--       'key/<key>'                                project
-- Reply how many are in force
-- Keeps What is withdrawn is what a file declared, and only while it is still so: what an
--       operator did since to a key stays.

local filed = named('filed')
local now = read_clock()

local function file_quota(field, value)
  if value == '' then
    redis.call('HDEL', named('quotas'), field)
  else
    redis.call('HSET', named('quotas'), field, value)
  end
end

local function file_tier(project, value)
  if value == '' then
    redis.call('HDEL', named('project', project), 'tier')
  elseif has_keys(project) then
    redis.call('HSET', named('project', project), 'tier', value)
  end
end

local function file_key(key_id, value, before)
  local row = redis.call('HMGET', named('key', key_id), 'project', 'state')
  if not row[1] or row[2] == 'removed' then
    return
  end
  local target = value
  if value == '' then
    target = row[1] == before and own_project(key_id) or row[1]
  end
  if target ~= row[1] then
    move_key(key_id, row[1], target, now)
  end
end

for at = 1, #ARGV, 2 do
  local field, value = ARGV[at], ARGV[at + 1]
  local before = redis.call('HGET', filed, field)
  if value == '' then
    redis.call('HDEL', filed, field)
  else
    redis.call('HSET', filed, field, value)
  end
  local kind, name = string.match(field, '^(%a+)/(.*)$')
  if kind == 'tier' then
    file_tier(name, value)
  elseif kind == 'key' then
    file_key(name, value, before)
  else
    file_quota(field, value)
  end
end
return redis.call('HLEN', filed)
