-- Tell for each project how it stands with one model. Reads only.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 model
--       2 limit     most projects told
-- Reply rows of {project, score, live keys, cool until, flags, cool until of the whole project}
-- Keeps Nothing changes.

local model = ARGV[1]
local rows = {}
local projects = redis.call('ZRANGE', named('projects'), 0, tonumber(ARGV[2]) - 1)
for index, project in ipairs(projects) do
  local state = read_state(model, project)
  rows[index] = {
    project,
    redis.call('ZSCORE', named('order', model), project) or '0',
    redis.call('ZCARD', named('live', project)),
    text(state.cool_until),
    state.flags,
    text(project_cool_until(project)),
  }
end
return { rows, text(read_clock()) }
