-- Read bindings.
--
-- KEYS  1 prefix of the pool
-- ARGV  resources
-- Reply for each resource {binding as JSON, its project as it is called now}, {} for none
-- Keeps Nothing changes.

local rows = {}
for at, resource in ipairs(ARGV) do
  local stored = redis.call('GET', named('binding', resource))
  rows[at] = stored and { stored, resolve_project(cjson.decode(stored).project) } or {}
end
return rows
