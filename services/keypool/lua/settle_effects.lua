-- What an outcome does to quota, keys and projects. A part of settle.

local now = pool_clock()

-- States of this call, each read once and written once.
local opened = {}

local function open_state(model, project)
  local name = state_name(model, project)
  local held = opened[name]
  if not held then
    local state = read_state(model, project, now)
    local has_declared = compiled_for(model).size > 0
    held = {
      state = state,
      tier = has_declared and redis.call('HGET', named('project', project), 'tier') or nil,
    }
    held.limits = limits_of(state, held.tier)
    opened[name] = held
  end
  return held
end

local function write_states()
  for _, held in pairs(opened) do
    if held.is_changed then
      place(held.state, limits_of(held.state, held.tier), now)
    end
  end
end

local function refund(held, charged)
  local state = held.state
  uncharge(state, charged.at, charged.tokens, now)
  uncount_in_day(state, charged.day_end)
  if has(state, HALF_OPEN) and state.cool_until == charged.at + PROBE_MS then
    -- The probe was not made; the next request is one.
    state.cool_until = now
  end
  held.is_changed = true
end

-- Charge what was used in place of what was reserved.
local function reconcile(held, charged, started, tokens)
  local state, start = held.state, charged.at
  if not is_limited(held.limits) then
    if tokens and tokens ~= charged.tokens then
      held.is_changed = add_tokens(state, charged.at, tokens - charged.tokens, now)
        or held.is_changed
    end
    return
  end
  -- Clocks differ: no start lies before the grant, nor ahead.
  started = math.max(charged.granted, math.min(started, now))
  if started < charged.at or started > charged.at + calendar.slack then
    start = started
  end
  tokens = tokens or charged.tokens
  if start == charged.at and tokens == charged.tokens then
    return
  end
  if uncharge(state, charged.at, charged.tokens, now) then
    charge(state, held.limits, start, start, tokens)
  end
  if start >= charged.day_end and charged.day_end < state.day_end then
    count_in_day(state, start)
  end
  held.is_changed = true
end

-- A request that was made without a lease uses quota all the same.
local function charge_report(held, started, tokens)
  local start = math.max(now - WINDOW, math.min(started, now))
  charge(held.state, held.limits, start, start, tokens or 0)
  count_in_day(held.state, start)
  held.is_changed = true
end

local function return_turn(held, key_id, project)
  local state = held.state
  -- A rank that was forgotten is that of a project idle for long: it goes next anyway.
  if state.rank > 0 then
    state.rank = returned(state.rank)
    held.is_changed = true
  end
  local live = named('live', project)
  local rank = redis.call('ZSCORE', live, key_id)
  if rank then
    redis.call('ZADD', live, text(returned(tonumber(rank))), key_id)
  end
end

-- A key has room again, which may be what some models waited for.
local function release(project)
  for _, model in ipairs(redis.call('SMEMBERS', named('parked', project))) do
    open_state(model, project).is_changed = true
    redis.call('SREM', named('parked', project), model)
  end
end

local function learn(held, limits)
  for number, kind in ipairs(KINDS) do
    if limits[number] > 0 then
      held.state.learned[kind] = { limit = math.min(limits[number], MOST_TOKENS), time = now }
      held.is_changed = true
    end
  end
end

-- Forget a learned limit when more than it was allowed after it was learned.
local function unlearn(held, charged)
  local state = held.state
  if next(state.learned) == nil then
    return
  end
  for kind, lesson in pairs(state.learned) do
    local used = 0
    if kind == 'rpd' then
      used = charged.granted > lesson.time and state.day_count or 0
    else
      for _, entry in ipairs(state.log) do
        if entry.first > lesson.time and entry.last <= now then
          used = used + (kind == 'rpm' and entry.n or entry.tokens)
        end
      end
    end
    if used > lesson.limit then
      state.learned[kind] = nil
      held.is_changed = true
    end
  end
end

local function succeed(held, charged)
  local state = held.state
  local is_probe = has(state, HALF_OPEN) and charged.granted >= state.cooled_at
  if is_probe or (has(state, GUESSED) and state.cool_until > now) then
    state.cool_until, state.level = math.min(state.cool_until, now), 0
    set(state, HALF_OPEN, false)
    set(state, GUESSED, false)
    held.is_changed = true
  end
  unlearn(held, charged)
end

local function cool_model(held, cool_until, flags)
  local state = held.state
  if cool_until <= math.max(now, state.cool_until) then
    return
  end
  if state.rank == 0 then
    local score = tonumber(redis.call('ZSCORE', named('order', state.model), state.project) or 0)
    state.rank = score <= now and score or 0
  end
  state.cool_until, state.cooled_at = cool_until, now
  set(state, GUESSED + HALF_OPEN + ABSENT, false)
  set(state, flags, true)
  held.is_changed = true
  withdraw(now, 'm' .. state.project .. '/' .. state.model)
end

-- Each further failure waits four times as long, but once a window: what was granted before
-- the last cool-down began tells nothing new.
local function climb(held, charged, base, longest, most)
  local state = held.state
  if state.level > 0 and charged.granted <= state.cooled_at then
    return state.cool_until
  end
  state.level = state.level + 1
  held.is_changed = true
  if most and state.level > most then
    return longest
  end
  return math.min(longest, now + base * 4 ^ (state.level - 1))
end

local function cool_project(project, cool_until, key_id)
  if cool_until <= math.max(now, project_cool_until(project)) then
    return
  end
  redis.call('HSET', named('project', project), 'cool_until', text(cool_until), 'cool_key', key_id)
  local keys = redis.call('ZRANGE', named('live', project), 0, JOURNAL_SIZE)
  for index, id in ipairs(keys) do
    keys[index] = 'k' .. id
  end
  withdraw(now, unpack(keys))
end

local function kill(key_id, project, rule)
  local name = named('key', key_id)
  local state = redis.call('HGET', name, 'state')
  if state == 'active' or state == 'paused' then
    redis.call('HSET', name, 'state', 'dead', 'dead_reason', rule)
    delist(key_id, project, now)
  end
end
