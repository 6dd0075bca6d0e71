-- Second part of acquire: who goes next.

local PROBES = 64

-- What is known of a project in this call, written back once at the end.

local views, touched = {}, {}

local function live_keys(project)
  local rows = redis.call(
    'ZRANGE', named('live', project), 0, count + #wishes.keys - 1, 'WITHSCORES')
  local keys = {}
  for at = 1, #rows, 2 do
    keys[#keys + 1] = { id = rows[at], rank = tonumber(rows[at + 1]) }
  end
  return keys
end

local function view_of(project)
  local view = views[project]
  if not view then
    view = {
      state = read_state(model, project),
      cool_until = project_cool_until(project),
      keys = live_keys(project),
    }
    views[project] = view
  end
  return view
end

-- The usable key of lowest rank.
local function key_of(view)
  local best
  for _, key in ipairs(view.keys) do
    if not excluded_key[key.id] and (not best or key.rank < best.rank) then
      key.held = key.held or secret_of(key.id)
      if key.held then
        best = key
      end
    end
  end
  return best
end

-- 'ok' | 'dead': no live key | 'out': left out by this caller | 'cool', until
local function gate(project)
  local view = view_of(project)
  if #view.keys == 0 then
    return 'dead'
  end
  if excluded_project[project] or not key_of(view) then
    return 'out'
  end
  local cool_until = math.max(view.state.cool_until, view.cool_until)
  if cool_until > now then
    return 'cool', cool_until
  end
  return 'ok'
end

local leases = {}

local function grant(project)
  local view = view_of(project)
  local key = key_of(view)
  turn = math.max(now, turn + TICK)
  view.state.rank = taken(view.state.rank, turn)
  key.rank = taken(key.rank, turn)
  key.granted = key.granted or {}
  view.touched = true
  touched[project] = view
  local lease = { key = key, project = project }
  leases[#leases + 1] = lease
  key.granted[#key.granted + 1] = lease
  return view.state.rank
end

-- The rotation: `ahead` is read from Redis in order, `again` holds what was put back.

local ahead, at, read, all_read = {}, 1, 0, false
local again = {}

local function next_ahead()
  if at > #ahead and not all_read then
    local size = count + #wishes.projects + 8
    local rows = redis.call('ZRANGE', order, read, read + size - 1, 'WITHSCORES')
    ahead, at, read, all_read = {}, 1, read + size, #rows < 2 * size
    for row = 1, #rows, 2 do
      ahead[#ahead + 1] = { project = rows[row], score = tonumber(rows[row + 1]) }
    end
  end
  return ahead[at]
end

local function next_project()
  local one, other = next_ahead(), again[1]
  if other and (not one or other.score < one.score) then
    return table.remove(again, 1)
  end
  at = at + 1
  return one
end

local function put_back(project, score)
  local place = #again + 1
  while place > 1 and again[place - 1].score > score do
    place = place - 1
  end
  table.insert(again, place, { project = project, score = score })
end

-- Projects that this model never met enter as newcomers, no more than may be needed.
local function admit()
  local rows = redis.call(
    'ZRANGEBYSCORE', named('admitted'), '(' .. text(cursor), '+inf', 'WITHSCORES',
    'LIMIT', 0, count + #wishes.projects)
  local entered = {}
  for row = 1, #rows, 2 do
    if redis.call('ZADD', order, 'NX', newcomer(now), rows[row]) == 1 then
      entered[#entered + 1] = rows[row]
    end
    cursor = tonumber(rows[row + 1])
  end
  if #rows > 0 then
    redis.call('HSET', progress, 'cursor', text(cursor))
    keep_model(model)
  end
  return entered, #rows > 0
end

-- False when nobody is left to admit. Comes after the last page that is read: those who
-- enter shift the places of the others.
local function admit_more()
  all_read = true
  local entered, has_more = admit()
  for _, project in ipairs(entered) do
    put_back(project, newcomer(now))
  end
  return has_more
end

local probes, most_probes = 0, PROBES + 2 * count + #wishes.projects

-- The next project whose time may have come; nil when there is none, or no probe left.
local function next_candidate()
  while probes < most_probes do
    probes = probes + 1
    local candidate = next_project()
    if candidate and candidate.score < now + 1 then
      return candidate
    elseif not admit_more() then
      return nil
    end
  end
end

-- True when the search ended before the supply did.
local function is_cut_short()
  local cooling, gone = {}, {}
  local candidate
  while #leases < count do
    candidate = next_candidate()
    if not candidate then
      break
    end
    local project = candidate.project
    local answer, cool_until = gate(project)
    if answer == 'ok' then
      if views[project].state.rank == 0 then
        -- The state may have been forgotten; the score then still tells the rank.
        views[project].state.rank = candidate.score
      end
      put_back(project, grant(project))
    elseif answer == 'cool' then
      cooling[#cooling + 1] = cool_until
      cooling[#cooling + 1] = project
    elseif answer == 'dead' then
      gone[#gone + 1] = project
    end
  end
  -- Only now: places in `order` must not move while it is read page by page.
  add_in_chunks(order, cooling)
  if #gone > 0 then
    redis.call('ZREM', order, unpack(gone))
  end
  return not candidate and probes == most_probes
end
