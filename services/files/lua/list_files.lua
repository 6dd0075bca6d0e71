-- List files, newest first, and drop those that have ended from the list.
--
-- KEYS  1 prefix
-- ARGV  1 list: `owned` or `pooled`
--       2 whose
--       3 pool
--       4 limit
--       5 time of the last one listed, ms, or '' for the first page
--       6 name of the last one listed
-- Reply {rows of {name, time, file as JSON, projects and copies}, 1 when there may be more}
-- Keeps Each file of the list is listed once over all pages.

local list, limit = named(ARGV[1], ARGV[2]), tonumber(ARGV[4])
local after, last = ARGV[5], ARGV[6]
local highest = after == '' and '+inf' or after
local rows, gone, offset = {}, {}, 0
local has_more = false

while true do
  local found = redis.call(
    'ZREVRANGEBYSCORE', list, highest, '-inf', 'WITHSCORES', 'LIMIT', offset, CHUNK)
  for at = 1, #found, 2 do
    local name, time = found[at], found[at + 1]
    -- Of the time of the last one, the names below it are still to come.
    if not (time == after and name >= last) then
      local id = ARGV[3] .. '/' .. name
      local described = redis.call('GET', named('file', id))
      if not described then
        gone[#gone + 1] = name
      elseif #rows == limit then
        has_more = true
        break
      else
        rows[#rows + 1] = { name, time, described, redis.call('HGETALL', named('copies', id)) }
      end
    end
  end
  offset = offset + CHUNK
  if has_more or #found < 2 * CHUNK then
    break
  end
end
for first = 1, #gone, CHUNK do
  redis.call('ZREM', list, unpack(gone, first, math.min(first + CHUNK - 1, #gone)))
end
return { rows, has_more and 1 or 0 }
