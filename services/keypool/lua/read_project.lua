-- Read projects.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 most keys of a project to tell
--       2.. projects
-- Reply for each project {} when it has no key, else {id, keys, origin, fields and values...}
-- Keeps Nothing changes.

local most = tonumber(ARGV[1])
local rows = {}
for at = 2, #ARGV do
  local project = ARGV[at]
  local keys = redis.call('SRANDMEMBER', named('members', project), most)
  keys[#keys + 1] = own_key(project)
  local row = {}
  if #keys > 0 then
    row = { project, keys, origin_of(project), redis.call('HGETALL', named('project', project)) }
  end
  rows[#rows + 1] = row
end
return rows
