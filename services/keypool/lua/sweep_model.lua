-- Have projects looked at anew that wait in the order of a model: a limit may have been
-- raised, which no score knows of.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 model
-- Reply 1 when there may be more
-- Keeps Nobody waits longer than before. What is too early is found out at the grant.

local order = named('order', ARGV[1])
local now = pool_clock()
local waiting = redis.call('ZRANGEBYSCORE', order, '(' .. now, '+inf', 'LIMIT', 0, CHUNK)
local rows = {}
for _, project in ipairs(waiting) do
  rows[#rows + 1] = FIRST_TIME
  rows[#rows + 1] = project
end
if #rows > 0 then
  redis.call('ZADD', order, 'XX', 'LT', unpack(rows))
end
return #waiting == CHUNK and 1 or 0
