-- Let changed declarations hold: limits are resolved anew, learned ones from before give way.
--
-- KEYS  1 prefix of the pool
-- Reply the models whose order `sweep_model` has to go through
-- Keeps The version of the declarations is a time and only grows.

local counters = named('counters')
local before = tonumber(redis.call('HGET', counters, 'quotas') or 0)
redis.call('HSET', counters, 'quotas', text(math.max(pool_clock(), before + 1)))
local models = {}
for _, model in ipairs(redis.call('ZRANGE', named('models'), 0, -1)) do
  if redis.call('EXISTS', named('progress', model)) == 1 then
    models[#models + 1] = model
  else
    redis.call('ZREM', named('models'), model)
  end
end
return models
