-- Quota states of two projects that turn out to be one. Comes after quota and limits.
--
-- What both were granted was taken from one quota: charges and counts add up, cool-downs and
-- learned limits hold as far as the stricter one goes.

local function merge_logs(one, other)
  local log = {}
  for _, entry in ipairs(one) do
    log[#log + 1] = entry
  end
  for _, entry in ipairs(other) do
    log[#log + 1] = entry
  end
  return log
end

local function merge_lessons(one, other)
  local learned = {}
  for _, kind in ipairs(KINDS) do
    local left, right = one[kind], other[kind]
    if left and right then
      learned[kind] = left.limit < right.limit and left or right
    else
      learned[kind] = left or right
    end
  end
  return learned
end

local function merge_state(state, gone, now)
  if gone.cool_until > state.cool_until then
    state.cool_until, state.flags = gone.cool_until, gone.flags
  end
  state.rank = math.max(state.rank, gone.rank)
  state.level = math.max(state.level, gone.level)
  state.cooled_at = math.max(state.cooled_at, gone.cooled_at)
  state.day_count = state.day_count + gone.day_count
  state.counted = state.counted + gone.day_count
  state.pace = pace.merge(state.pace, gone.pace, now)
  state.learned = merge_lessons(state.learned, gone.learned)
  set_entries(state, merge_logs(entries_of(state), entries_of(gone)))
end

local function merge_states(from, into, now)
  local tier = redis.call('HGET', named('project', into), 'tier') or nil
  for _, model in ipairs(redis.call('ZRANGE', named('models'), 0, -1)) do
    local known = known_model(model)
    local name = known and named('state', known.number .. ':' .. from)
    if name and redis.call('EXISTS', name) == 1 then
      local state = read_state(model, into, now)
      merge_state(state, read_state(model, from, now), now)
      redis.call('DEL', name)
      place(state, limits_of(state, tier), now)
    end
    redis.call('ZREM', named('order', model), from)
    redis.call('ZREM', named('short', model), from)
  end
end
