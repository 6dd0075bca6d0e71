-- Read a file.
--
-- KEYS  1 prefix
-- ARGV  1 id of the file
-- Reply {file as JSON, projects and copies}, {} when there is none
-- Keeps Nothing changes.

local described = redis.call('GET', named('file', ARGV[1]))
if not described then
  return {}
end
return { described, redis.call('HGETALL', named('copies', ARGV[1])) }
