-- Models have numbers, which are shorter than their names. Comes after common.
--
-- A number is given when a model is first written of, and goes when its order has ended and
-- all its states with it.

-- The number of a model, false when it has none.
local function known_number(model)
  local number = model_numbers[model]
  if number == nil then
    number = redis.call('HGET', named('counters'), 'm/' .. model)
    model_numbers[model] = number
  end
  return number
end

local function give_number(model)
  local number = known_number(model)
  if not number then
    number = redis.call('HINCRBY', named('counters'), 'models', 1)
    redis.call('HSET', named('counters'), 'm/' .. model, number)
    model_numbers[model] = number
  end
  return number
end

-- Forget those models that have not been in use for long; returns the others.
local function tidy_models(models, now)
  local kept = {}
  for _, model in ipairs(models) do
    local is_used = redis.call('EXISTS', named('order', model)) == 1
    if is_used then
      redis.call('ZADD', named('models'), now, model)
    end
    if is_used or redis.call('ZSCORE', named('models'), model) + IDLE_MODEL_MS > now then
      kept[#kept + 1] = model
    else
      redis.call('ZREM', named('models'), model)
      redis.call('HDEL', named('counters'), 'm/' .. model)
    end
  end
  return kept
end
