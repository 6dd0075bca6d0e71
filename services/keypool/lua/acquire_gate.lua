-- Second part of acquire: which project and which of its keys may serve, and a grant.

-- So many keys of a project are compared, those used least recently first.
local COMPARED = 16

-- What is known of a project in this call, written back once at the end.

local views, touched = {}, {}

local function live_keys(project)
  local rows = redis.call(
    'ZRANGE', named('live', project), 0,
    math.max(COMPARED, count + #wishes.keys) - 1, 'WITHSCORES')
  local keys = {}
  for at = 1, #rows, 2 do
    keys[#keys + 1] = { id = rows[at], rank = tonumber(rows[at + 1]) }
  end
  return keys
end

local function view_of(project)
  local view = views[project]
  if not view then
    local row = redis.call('HMGET', named('project', project), 'cool_until', 'tier')
    local state = read_state(model, project, now)
    view = {
      project = project,
      state = state,
      limits = limits_of(state, row[2]),
      cool_until = tonumber(row[1] or 0),
      keys = live_keys(project),
      -- When the first lapses of those that this call granted.
      lapses = HUGE,
    }
    views[project] = view
  end
  return view
end

local function is_full(key)
  if key.held.room == 0 then
    return false
  end
  if not key.open then
    lapse(key.id, now)
    key.open = redis.call('ZCARD', named('leases', key.id))
  end
  return key.open >= key.held.room
end

local function goes_before(key, other)
  if key.held.priority ~= other.held.priority then
    return key.held.priority > other.held.priority
  end
  return key.rank < other.rank
end

-- The usable key of highest priority and lowest rank, and whether another one is full.
local function key_of(view)
  local best, has_full = nil, false
  for _, key in ipairs(view.keys) do
    if not excluded_key[key.id] then
      if key.held == nil then
        key.held = read_key(key.id) or false
      end
      if key.held then
        if is_full(key) then
          has_full = true
        elseif not best or goes_before(key, best) then
          best = key
        end
      end
    end
  end
  return best, has_full
end

-- When the first of a full project's leases lapses, at the latest.
local function first_lapse(view)
  local first = view.lapses
  for _, key in ipairs(view.keys) do
    local row = redis.call('ZRANGE', named('leases', key.id), 0, 0, 'WITHSCORES')
    first = math.min(first, tonumber(row[2] or HUGE))
  end
  return first
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
  local key, has_full = key_of(view)
  if not key then
    return has_full and 'full' or 'out', HUGE
  end
  if view.cool_until > now then
    return 'cool', is_free and view.cool_until
      or earliest(state, limits, view.cool_until, tokens, wishes.hold)
  elseif is_free then
    return 'ok', now
  end
  local fits = earliest(state, limits, now, tokens, wishes.hold)
  if fits == HUGE then
    return 'never', HUGE
  elseif fits > now then
    return 'cool', fits
  end
  return 'ok', fits
end

-- Where a project belongs in the order after what the gate answered.
local function place_of(view, answer)
  local score = math.max(score_of(view.state, view.limits, now), view.cool_until)
  if answer == 'full' then
    redis.call('SADD', named('parked', view.project), model)
    redis.call('PEXPIRE', named('parked', view.project), LEASES_MS)
    score = math.max(score, first_lapse(view))
  end
  return score
end

local leases = {}

-- Grant a lease of a project whose request may start from `from` on.
local function grant(project, from)
  local view = view_of(project)
  local state, key = view.state, (key_of(view))
  turn = math.max(now, turn + TICK)
  state.rank = taken(state.rank, turn)
  key.rank = taken(key.rank, turn)
  key.open = key.open and key.open + 1
  key.granted = key.granted or {}
  local day_end = state.day_end
  if not is_free then
    day_end = count_in_day(state, from + wishes.hold)
    charge(state, view.limits, from, from + wishes.hold, tokens)
    if has(state, HALF_OPEN) then
      state.cool_until = from + wishes.hold + PROBE_MS
    end
  end
  view.lapses = math.min(view.lapses, from + to_end)
  touched[project] = view
  local lease = { key = key, project = project, from = from, day_end = day_end }
  leases[#leases + 1] = lease
  key.granted[#key.granted + 1] = lease
end

-- A state may have been forgotten; the score then still tells the rank.
local function recall_rank(view, score)
  if view.state.rank == 0 then
    score = score or tonumber(redis.call('ZSCORE', order, view.project) or newcomer(now))
    view.state.rank = math.min(score, now)
  end
end
