-- Note which number the upstream has for the project of a key.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 key
--       2 digest of the number
-- Reply {} | {project of the key, project that had the number before it}
-- Keeps A number belongs to the first project for which it was told, as long as that has keys.

local row = redis.call('HMGET', named('key', ARGV[1]), 'project', 'state')
local project, numbers = row[1], named('numbers')
if not project or row[2] == 'removed' then
  return {}
end
local before = redis.call('HGET', numbers, ARGV[2])
before = before and resolve_project(before)
if before == project then
  return {}
elseif before and has_keys(before) then
  return { project, before }
end
redis.call('HSET', numbers, ARGV[2], project)
return {}
