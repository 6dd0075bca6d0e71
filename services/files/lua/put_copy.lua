-- Record a copy of a file, or that there is none.
--
-- KEYS  1 prefix
-- ARGV  1 id of the file
--       2 project
--       3 who made it
--       4 copy as JSON, or ''
--       5 generation of the file
-- Reply 'taken' when recorded, 'held' when the right to make it is lost, 'gone' when there is no
--       such file any more
-- Keeps Only the holder of the right records. Copies end with their file.

if redis.call('GET', named('making', ARGV[1] .. '/' .. ARGV[5] .. '/' .. ARGV[2])) ~= ARGV[3] then
  return 'held'
end
if generation_of(ARGV[1]) ~= ARGV[5] then
  return 'gone'
end
local ends = redis.call('PEXPIRETIME', named('file', ARGV[1]))
local copies = named('copies', ARGV[1])
if ARGV[4] == '' then
  redis.call('HDEL', copies, ARGV[2])
else
  redis.call('HSET', copies, ARGV[2], ARGV[4])
  redis.call('PEXPIREAT', copies, ends)
end
return 'taken'
