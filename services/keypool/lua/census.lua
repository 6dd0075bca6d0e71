-- Count keys by their state, some at a time, and how the projects stand. For people to look at.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 where to begin: '-' or '(' and a key
--       2 most keys to look at
--       3 most models to look at
-- Reply {the last key looked at, '' when no further one is left;
--       {state, keys, ...};
--       projects with a key in use;
--       {model, projects that have to wait before they can serve it, ...}}
-- Keeps Nothing changes.

local most, most_models = tonumber(ARGV[2]), tonumber(ARGV[3])
local now = pool_clock()

local keys = redis.call('ZRANGEBYLEX', named('key_ids'), ARGV[1], '+', 'LIMIT', 0, most)
local counts = {}
for _, key_id in ipairs(keys) do
  local state = redis.call('HGET', named('key', key_id), 'state')
  if state then
    counts[state] = (counts[state] or 0) + 1
  end
end
local states = {}
for state, count in pairs(counts) do
  states[#states + 1] = state
  states[#states + 1] = count
end
local waiting = {}
for _, model in ipairs(redis.call('ZRANGE', named('models'), 0, most_models - 1)) do
  waiting[#waiting + 1] = model
  waiting[#waiting + 1] = redis.call('ZCOUNT', named('order', model), '(' .. now, '+inf')
end
return {
  #keys == most and keys[most] or '', states, redis.call('ZCARD', named('admitted')), waiting,
}
