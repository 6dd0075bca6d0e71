-- List projects from two places on; the caller merges them.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 where to begin among the projects that are written down: '-' or '(' and an id
--       2 where to begin among the keys whose own projects are not; '' for none of them
--       3 most of each
-- Reply {projects written down, projects of single keys, last key when there may be more or ''}
-- Keeps Nothing changes.

local listed, owned, last = list_projects(ARGV[1], ARGV[2], tonumber(ARGV[3]))
return { listed, owned, last }
