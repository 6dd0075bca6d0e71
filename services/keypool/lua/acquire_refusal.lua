-- Seventh part of acquire: why not all could be granted, and when asking again can help.

local SCAN = 64
-- When a request in flight ends is not known: so often is worth asking.
local IN_FLIGHT_MS = 1000

local function first_usable(but)
  local rows = redis.call(
    'ZRANGEBYSCORE', order, '(' .. FIRST_ROW, now, 'LIMIT', 0, 16)
  for _, project in ipairs(rows) do
    if project ~= but and gate(project) == 'ok' then
      return project
    end
  end
  return ''
end

-- Look at those that wait in the order, as long as one may be free sooner.
local function look_ahead()
  for project in pairs(touched) do
    local answer, fits = gate(project)
    note(project, answer, fits)
  end
  local rows = redis.call(
    'ZRANGEBYSCORE', order, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, SCAN)
  for row = 1, #rows, 2 do
    if tonumber(rows[row + 1]) >= soonest then
      break
    end
    local answer, fits = gate(rows[row])
    -- One that is free waits for a time that was lifted meanwhile.
    note(rows[row], answer == 'ok' and 'cool' or answer, fits)
  end
end

local function reason_of_all()
  if seen.full and soonest > now + IN_FLIGHT_MS then
    return { 'IN_FLIGHT', now + IN_FLIGHT_MS, '' }
  elseif soonest < HUGE then
    return { 'QUOTA', math.ceil(soonest), '' }
  elseif seen.never then
    return { 'TOO_LARGE', '', '' }
  elseif seen.absent then
    return { 'MODEL_ABSENT', '', '' }
  end
  return { 'NO_LIVE_KEY', '', '' }
end

local function refusal(cut_short)
  if #leases == count then
    return {}
  elseif cut_short then
    return { 'AGAIN', now, '' }
  elseif redis.call('ZCARD', named('key_ids')) == 0 then
    return { 'POOL_EMPTY', '', '' }
  end
  look_ahead()
  return reason_of_all()
end

-- Cited resources and a required project leave one project at most.

local function required_project()
  if wishes.required ~= '' then
    wishes.required = resolve_project(wishes.required)
  end
  local project, splits = wishes.required, false
  local votes = {}
  for _, resource in ipairs(wishes.resources) do
    local bound = redis.call('GET', named('binding', resource))
    if bound then
      local owner = resolve_project(cjson.decode(bound).project)
      votes[owner] = (votes[owner] or 0) + 1
      if project == '' then
        project = owner
      elseif project ~= owner then
        splits = true
      end
    end
  end
  return project, splits, votes
end

local function split_refusal(votes)
  local target, most = '', 0
  for project, number in pairs(votes) do
    if gate(project) == 'ok' and (number > most or (number == most and project < target)) then
      target, most = project, number
    end
  end
  if wishes.required ~= '' and gate(wishes.required) == 'ok' then
    target = wishes.required
  end
  if target == '' then
    admit()
    target = first_usable('')
  end
  return { 'RESOURCES_SPLIT', '', target }
end

-- Grant what a project has now, then what it has within the wait.
local function grant_from(project)
  local answer, fits
  while #leases < count do
    answer, fits = gate(project)
    if answer ~= 'ok' and not (answer == 'cool' and fits <= now + wait) then
      break
    end
    if fits > now and (is_free or not may_wait(fits)
        or (views[project].limits.rpd and fits >= views[project].state.day_end)) then
      break
    end
    grant(project, fits)
    reserved = reserved + (fits > now and 1 or 0)
  end
  if #leases == count then
    return {}
  elseif redis.call('ZCARD', named('key_ids')) == 0 then
    return { 'POOL_EMPTY', '', '' }
  elseif answer == 'never' then
    return { 'TOO_LARGE', '', '' }
  end
  admit()
  local retry_at = ''
  if answer == 'cool' then
    retry_at = math.ceil(fits)
  elseif answer == 'full' then
    retry_at = now + IN_FLIGHT_MS
  end
  return { 'OWNER_SPENT', retry_at, first_usable(project) }
end
