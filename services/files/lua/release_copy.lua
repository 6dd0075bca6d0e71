-- Give the right to make a copy back.
--
-- KEYS  1 prefix
-- ARGV  1 id of the file
--       2 project
--       3 who holds it
--       4 generation of the file
-- Reply 1
-- Keeps Nobody loses a right that is another's.

local right = named('making', ARGV[1] .. '/' .. ARGV[4] .. '/' .. ARGV[2])
if redis.call('GET', right) == ARGV[3] then
  redis.call('DEL', right)
end
return 1
