-- Second part of acquire: which project and which of its keys may serve, and a grant.

-- So many keys of a project are compared, those used least recently first.
local COMPARED = 16
local LAPSED_MS = 600000
local CLEAR = 16

local known = open_model(model)

-- Whether projects need looking at: most have nothing to say.
local is_told = counter('cooling') > now or counter('weighted') > 0
  or compiled_for(model).size > 0
local UNTOLD = {}

-- What is known of a project in this call, written back once at the end.
local views, touched = {}, {}

local last_compared = math.max(COMPARED, count + #wishes.keys) - 1

local function view_of(project)
  local view = views[project]
  if not view then
    local told = is_told
      and redis.call('HMGET', named('project', project), 'cool_until', 'tier', 'weight') or UNTOLD
    local state = read_state(model, project, now)
    -- In the order of their ranks.
    local keys = {}
    local rows = redis.call('ZRANGE', named('live', project), 0, last_compared, 'WITHSCORES')
    for at = 1, #rows, 2 do
      keys[#keys + 1] = { id = rows[at], rank = tonumber(rows[at + 1]) }
    end
    view = {
      project = project,
      state = state,
      limits = limits_of(state, told[2]),
      cool_until = tonumber(told[1] or 0),
      weight = tonumber(told[3] or 1),
      keys = keys,
      -- When the first lapses of those that this call granted.
      lapses = HUGE,
    }
    views[project] = view
  end
  return view
end

-- Forget the open leases of a key that have run out, but remember for a while that they were
-- never settled.
local function lapse(key_id)
  local open = named('leases', key_id)
  local over = redis.call('ZRANGEBYSCORE', open, '-inf', now)
  if #over == 0 then
    return
  end
  redis.call('ZREMRANGEBYSCORE', open, '-inf', now)
  local lapsed, rows = named('lapsed', key_id), {}
  for _, number in ipairs(over) do
    rows[#rows + 1] = now
    rows[#rows + 1] = number
  end
  add_in_chunks(lapsed, rows)
  redis.call('ZREMRANGEBYSCORE', lapsed, '-inf', now - LAPSED_MS)
  redis.call('PEXPIRE', lapsed, LAPSED_MS)
end

local function is_full(key)
  if key.held.room == 0 then
    return false
  end
  if not key.open then
    lapse(key.id)
    key.open = redis.call('ZCARD', named('leases', key.id))
  end
  return key.open >= key.held.room
end

-- The usable key of highest priority and lowest rank, and whether another one is full.
local function key_of(view)
  local best, has_full = nil, false
  for _, key in ipairs(view.keys) do
    if not excluded_key[key.id] then
      if key.held == nil then
        key.held = read_key(key.id) or false
      end
      if not key.held then
        -- The caller cannot read it.
      elseif is_full(key) then
        has_full = true
      elseif not best or key.held.priority > best.held.priority then
        best = key
      end
      if best and counter('prioritized') == 0 then
        break
      end
    end
  end
  return best, has_full
end

-- Whether a project may serve, and if not, why and until when:
-- 'ok' | 'dead': no live key | 'out': left out by this caller | 'absent': not offered |
-- 'never': the request is too large | 'full': in flight | 'cool': cooling, or at a limit
local function gate(project)
  local view = view_of(project)
  local state, limits = view.state, view.limits
  if #view.keys == 0 then
    return 'dead'
  end
  if excluded_project[project] then
    return 'out'
  end
  if not is_free then
    if not is_offered(limits) then
      return 'absent', HUGE
    elseif state.cool_until > now and has(state, ABSENT) then
      return 'absent', state.cool_until
    end
  end
  local has_full
  view.key, has_full = key_of(view)
  if not view.key then
    return has_full and 'full' or 'out', HUGE
  end
  if view.cool_until > now then
    return 'cool', is_free and view.cool_until
      or earliest(state, limits, view.cool_until, tokens, hold)
  elseif is_free then
    return 'ok', now
  end
  local fits = earliest(state, limits, now, tokens, hold)
  if fits == HUGE then
    return 'never', HUGE
  elseif fits > now then
    return 'cool', fits
  end
  return 'ok', fits
end

-- Where a project belongs in the order after what the gate answered.
local function place_of(view, answer)
  local score = score_of(view.state, view.limits, now)
  if view.cool_until > now then
    score = math.max(score, view.cool_until)
  end
  if answer == 'full' then
    redis.call('SADD', named('parked', view.project), model)
    redis.call('PEXPIRE', named('parked', view.project), LEASES_MS)
    -- When the first of its leases lapses, at the latest.
    local first = view.lapses
    for _, key in ipairs(view.keys) do
      local row = redis.call('ZRANGE', named('leases', key.id), 0, 0, 'WITHSCORES')
      first = math.min(first, tonumber(row[2] or HUGE))
    end
    score = math.max(score, first)
  end
  return score
end

-- Give a turn to a key of several. Those that were passed over for it make up for nothing,
-- unless it was the caller that left them out.
local function take_turn_of_key(keys, key)
  local pass, weight = key.rank, 1
  if counter('weighted') > 0 then
    weight = tonumber(redis.call('HGET', named('key', key.id), 'weight') or 1)
  end
  take_turn(key, weight, pass)
  key.is_moved = true
  for _, other in ipairs(keys) do
    if other.rank >= 0 and other.rank < pass and not excluded_key[other.id] then
      other.rank, other.is_moved = pass, true
    end
  end
  table.sort(keys, function(one, other)
    return one.rank < other.rank
  end)
end

local leases = {}

-- Keys of which leases may have lapsed: each clears up at every 16th of its turns.
local cluttered = {}

-- Whether a limit is in force for what was granted, so that no stock of it may be kept.
local is_scarce = false

-- Grant a lease of a project that the gate has looked at, whose request may start from `from`
-- on.
local function grant(project, from)
  local view = views[project]
  local state, key = view.state, view.key
  -- Nobody keeps the rank of a key that is alone.
  if math.floor(view.keys[2] and key.rank or state.rank) % CLEAR == 0 then
    cluttered[key.id] = true
  end
  is_scarce = is_scarce or is_limited(view.limits) or key.held.room > 0 or has(state, HALF_OPEN)
  take_turn(state, view.weight, known.pass)
  if view.keys[2] then
    take_turn_of_key(view.keys, key)
  end
  key.open = key.open and key.open + 1
  local day_end = state.day_end
  if not is_free then
    day_end = count_in_day(state, from + hold)
    charge(state, view.limits, from, from + hold, tokens)
    if has(state, HALF_OPEN) then
      state.cool_until = from + hold + PROBE_MS
    end
  end
  view.lapses = math.min(view.lapses, from + to_end)
  view.served, touched[project] = key, view
  leases[#leases + 1] = { key = key, project = project, from = from, day_end = day_end }
end
