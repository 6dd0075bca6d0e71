-- Take or extend the right to bring a file into a project.
--
-- KEYS  1 prefix
-- ARGV  1 id of the file
--       2 project
--       3 who claims it
--       4 how long the right lasts, ms
--       5 how much longer a copy must last, ms
--       6 generation of the file
-- Reply {'ready', copy} when it is there, {'taken', copy that was begun or ''}, {'held'} when
--       the right is another's, {'gone'} when there is no such file
-- Keeps One holder at a time. The right lapses by itself.

if generation_of(ARGV[1]) ~= ARGV[6] then
  return { 'gone' }
end
local found = redis.call('HGET', named('copies', ARGV[1]), ARGV[2])
if found then
  local copy = cjson.decode(found)
  if copy['ends'] <= read_clock() + tonumber(ARGV[5]) then
    found = nil
  elseif copy['active'] then
    return { 'ready', found }
  end
end
local right = named('making', ARGV[1] .. '/' .. ARGV[6] .. '/' .. ARGV[2])
local holder = redis.call('GET', right)
if holder and holder ~= ARGV[3] then
  return { 'held' }
end
redis.call('SET', right, ARGV[3], 'PX', ARGV[4])
return { 'taken', found or '' }
