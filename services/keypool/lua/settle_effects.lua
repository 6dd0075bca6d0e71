-- What an outcome does to quota, keys and projects. A part of settle.

local now = pool_clock()

-- States of this call, each read once and written once.
local opened = {}

local function open_state(model, project)
  local name = model .. ':' .. project
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
    elseif held.is_corrected then
      -- Tokens of a state without limits: its place is as it was.
      write_state(held.state, now)
    end
  end
end

-- What is counted for keys, each read once and written once.
local keys = {}

local function open_key(key_id)
  local key = keys[key_id]
  if not key then
    local row = redis.call('HMGET', named('key', key_id), 'ok', 'bad', 'max_in_flight')
    key = { successes = row[1] or 0, failures = row[2] or 0, room = tonumber(row[3] or 0) }
    keys[key_id] = key
  end
  return key
end

local function count_outcome(key, outcome)
  key.is_used = true
  if outcome == 'succeeded' then
    key.successes, key.has_succeeded = key.successes + 1, true
  elseif outcome == 'failed' then
    key.failures, key.has_failed = key.failures + 1, true
  end
end

local function write_keys()
  for key_id, key in pairs(keys) do
    local row = key.is_used and { 'used', math.floor(now / 1000) } or {}
    if key.has_succeeded then
      row[3], row[4] = 'ok', key.successes
    end
    if key.has_failed then
      row[#row + 1] = 'bad'
      row[#row + 1] = key.failures
    end
    if #row > 0 then
      redis.call('HSET', named('key', key_id), unpack(row))
    end
  end
end

local function refund(held, row)
  local state = held.state
  uncharge(state, row.charged, row.reserved, now)
  uncount_in_day(state, row.day_end)
  if has(state, HALF_OPEN) and state.cool_until == row.charged + PROBE_MS then
    -- The probe was not made; the next request is one.
    state.cool_until = now
  end
  held.is_changed = true
end

-- Charge what was used in place of what was reserved.
local function reconcile(held, row)
  local state, start = held.state, row.charged
  local tokens = row.tokens[1] or row.reserved
  if not is_limited(held.limits) then
    if tokens ~= row.reserved then
      held.is_corrected = add_tokens(state, row.charged, tokens - row.reserved, now)
        or held.is_corrected
    end
    return
  end
  -- Clocks differ: no start lies before the grant, nor long after the charge. One that lies ahead
  -- of now was told before the store's clock was set back: to move it to now would free its minute
  -- too early.
  local told = row.started > 0 and row.started or row.charged
  local started = math.max(row.granted, told)
  if started < row.charged or started > row.charged + SLACK then
    start = started
  end
  if start == row.charged and tokens == row.reserved then
    return
  end
  if uncharge(state, row.charged, row.reserved, now) then
    charge(state, held.limits, start, start, tokens)
  end
  if start >= row.day_end and row.day_end < state.day_end then
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

-- So many returned turns are remembered that ranks stay above this.
local FLOOR = -1e14

local function returned(rank)
  return rank > FLOOR and rank - PLACE or rank
end

local function return_turn(held, key_id, project)
  local state = held.state
  -- A rank that was forgotten is that of a project idle for long: it goes next anyway.
  if state.rank ~= 0 then
    state.rank = returned(state.rank)
    held.is_changed = true
  end
  local live = named('live', project)
  local rank = redis.call('ZSCORE', live, key_id)
  if rank then
    redis.call('ZADD', live, returned(tonumber(rank)), key_id)
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
  local state = held.state
  if state.learned == NONE then
    state.learned = {}
  end
  for number, kind in ipairs(KINDS) do
    if limits[number] > 0 then
      state.learned[kind] = { limit = math.min(limits[number], MOST_TOKENS), time = now }
      held.is_changed = true
    end
  end
end

-- Forget a learned limit when more than it was allowed after it was learned.
local function unlearn(held, row)
  local state = held.state
  if next(state.learned) == nil then
    return
  end
  for kind, lesson in pairs(state.learned) do
    local used = 0
    if kind == 'rpd' then
      used = row.granted > lesson.time and state.day_count or 0
    else
      for _, entry in ipairs(entries_of(state)) do
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

local function succeed(held, row)
  local state = held.state
  local is_probe = has(state, HALF_OPEN) and row.granted >= state.cooled_at
  if is_probe or (has(state, GUESSED) and state.cool_until > now) then
    state.cool_until, state.level = math.min(state.cool_until, now), 0
    set(state, HALF_OPEN, false)
    set(state, GUESSED, false)
    held.is_changed = true
  end
  unlearn(held, row)
end

local function cool_model(held, cool_until, flags)
  local state = held.state
  if cool_until <= math.max(now, state.cool_until) then
    return
  end
  state.cool_until, state.cooled_at = cool_until, now
  set(state, GUESSED + HALF_OPEN + ABSENT, false)
  set(state, flags, true)
  held.is_changed = true
  withdraw(now, 'm' .. state.project .. '/' .. state.model)
end

-- Each further failure waits four times as long, but once a window: what was granted before
-- the last cool-down began tells nothing new.
local function climb(held, row, base, longest, most)
  local state = held.state
  if state.level > 0 and row.granted <= state.cooled_at then
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
  cool_whole_project(project, cool_until, key_id)
  local live = redis.call('ZRANGE', named('live', project), 0, JOURNAL_SIZE)
  for index, id in ipairs(live) do
    live[index] = 'k' .. id
  end
  withdraw(now, unpack(live))
end

local function kill(key_id, project, rule)
  local name = named('key', key_id)
  local state = redis.call('HGET', name, 'state')
  if state == 'active' or state == 'paused' then
    redis.call('HSET', name, 'state', 'dead', 'dead_reason', rule)
    delist(key_id, project, now)
  end
end
