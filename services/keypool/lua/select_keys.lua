-- Find the next keys that fit, in the order of their names.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 where to begin: '-' or '(' and a key
--       2 most keys to look at
--       3 state, '' for any
--       4 tag, '' for any
--       5 project, '' for any
-- Reply {keys that fit, how many were looked at, the last of these, '' when no further one is
--       left}
-- Keeps Nothing changes.

local most, state, tag, project = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]

local function has_tag(packed)
  for _, each in ipairs(packed and cjson.decode(packed) or {}) do
    if each == tag then
      return true
    end
  end
  return false
end

local found = {}
local keys = redis.call('ZRANGEBYLEX', named('key_ids'), ARGV[1], '+', 'LIMIT', 0, most)
for _, key_id in ipairs(keys) do
  local row = redis.call('HMGET', named('key', key_id), 'state', 'project', 'tags')
  if (state == '' or state == row[1]) and (project == '' or project == row[2])
    and (tag == '' or has_tag(row[3])) then
    found[#found + 1] = key_id
  end
end
return { found, #keys, #keys == most and keys[most] or '' }
