-- List the resources of a client, newest first, and drop those that have ended.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 client
--       2 what the names begin with
--       3 limit
--       4 time of the last one listed, ms, or '' for the first page
--       5 name of the last one listed
-- Reply {rows of {resource, time, binding as JSON}, 1 when there may be more}
-- Keeps Each binding of the client that begins so is listed once over all pages.

local client, begins, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local owned = named('owned', client)
local after, last = ARGV[4], ARGV[5]
local highest = after == '' and '+inf' or after
local rows, gone, offset = {}, {}, 0
local has_more = false

while true do
  local found = redis.call(
    'ZREVRANGEBYSCORE', owned, highest, '-inf', 'WITHSCORES', 'LIMIT', offset, CHUNK)
  for at = 1, #found, 2 do
    local resource, time = found[at], found[at + 1]
    -- Of the time of the last one, the names below it are still to come.
    local is_listed = time == after and resource >= last
    if not is_listed and string.sub(resource, 1, #begins) == begins then
      local binding = redis.call('GET', named('binding', resource))
      if not binding then
        gone[#gone + 1] = resource
      elseif #rows == limit then
        has_more = true
        break
      else
        rows[#rows + 1] = { resource, time, binding }
      end
    end
  end
  offset = offset + CHUNK
  if has_more or #found < 2 * CHUNK then
    break
  end
end
for first = 1, #gone, CHUNK do
  redis.call('ZREM', owned, unpack(gone, first, math.min(first + CHUNK - 1, #gone)))
end
return { rows, has_more and 1 or 0 }
