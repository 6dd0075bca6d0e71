-- Let changed declarations hold: limits are resolved anew, learned ones from before give way.
--
-- KEYS  1 prefix of the pool
-- Reply the models whose order `sweep_model` has to go through
-- Keeps The version of the declarations is a time and only grows.

local now = pool_clock()
set_counter('quotas', math.max(now, counter('quotas') + 1))
return tidy_models(redis.call('ZRANGE', named('models'), 0, -1), now)
