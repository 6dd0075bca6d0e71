-- What is kept of each model besides its order. Comes after common.
--
-- A model has a number, which is shorter than its name. It is given when something is first
-- written of the model, and goes when its order has ended and all its states with it.

-- The number, the pass (see turns), and when the order was last kept from ending.
local MODEL = '<I4dI6'

-- Model -> {number, pass, kept}, false for one of which nothing is kept.
local known_models = {}

local function known_model(model)
  local known = known_models[model]
  if known == nil then
    local packed = model_rows[model]
    if packed == nil then
      packed = redis.call('HGET', named('counters'), 'M/' .. model)
    end
    known = false
    if packed then
      local number, pass, kept = struct.unpack(MODEL, packed)
      known = { number = number, pass = pass, kept = kept }
    end
    known_models[model] = known
  end
  return known
end

local function pack_model(known)
  return struct.pack(MODEL, known.number, known.pass, known.kept)
end

-- The same, of a model about which something is about to be written.
local function open_model(model)
  local known = known_model(model)
  if not known then
    local number = redis.call('HINCRBY', named('counters'), 'models', 1)
    known = { number = number, pass = 0, kept = 0 }
    redis.call('HSET', named('counters'), 'M/' .. model, pack_model(known))
    known_models[model] = known
  end
  return known
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
      redis.call('HDEL', named('counters'), 'M/' .. model)
    end
  end
  return kept
end
