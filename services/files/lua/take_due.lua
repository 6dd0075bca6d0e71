-- Take what is kept and to be dropped.
--
-- KEYS  1 prefix
-- ARGV  1 how many at most
--       2 when to look again, ms from now
-- Reply pairs of {id, 1 when it is for the last time}
-- Keeps What was taken comes again until it is forgotten, so that nothing is left when its
--       sweeper dies, and what a slow writer adds to what was dropped is dropped too.

local now = read_clock()
local again = now + tonumber(ARGV[2])
local rows = {}
for _, name in ipairs({ 'kept', 'dropped' }) do
  local due = redis.call('ZRANGEBYSCORE', named(name), '-inf', now, 'LIMIT', 0, ARGV[1])
  for _, id in ipairs(due) do
    redis.call('ZREM', named('kept'), id)
    redis.call('ZADD', named('dropped'), again, id)
    rows[#rows + 1] = { id, name == 'dropped' and 1 or 0 }
  end
end
return rows
