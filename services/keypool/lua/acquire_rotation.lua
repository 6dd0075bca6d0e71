-- Third part of acquire: who goes next.

local PROBES = 64

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
    redis.call('ZADD', named('models'), 'NX', text(now), model)
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
-- A free call needs no more than a live key, so its time has always come.
local function next_candidate()
  while probes < most_probes do
    probes = probes + 1
    local candidate = next_project()
    if candidate and (is_free or candidate.score < now + 1) then
      return candidate
    elseif not admit_more() then
      return nil
    end
  end
end

-- What has been in the way so far, for a refusal: answers of the gate -> true, the first
-- time at which a project fits, and the projects that fit later.
local seen, soonest, later = {}, HUGE, {}

local function note(project, answer, fits)
  seen[answer] = true
  if answer == 'cool' then
    soonest = math.min(soonest, fits)
    later[#later + 1] = { project = project, fits = fits }
  end
end

-- Of the projects that are short of tokens, those that have most left: a small request
-- may fit where the usual one does not.
local function search_short()
  local rows = redis.call('ZREVRANGE', named('short', model), 0, 7)
  for _, project in ipairs(rows) do
    while #leases < count and gate(project) == 'ok' do
      recall_rank(view_of(project))
      grant(project, now)
    end
  end
end

-- Grants while there is somebody to serve. True when the search ended before the supply did.
local function is_cut_short()
  local scores, gone, has_moved = {}, {}, false
  local candidate
  while #leases < count do
    candidate = next_candidate()
    if not candidate then
      break
    end
    local project = candidate.project
    local answer, fits = gate(project)
    if answer == 'ok' then
      recall_rank(views[project], candidate.score)
      grant(project, now)
      put_back(project, place_of(views[project]))
    elseif answer == 'dead' then
      gone[#gone + 1] = project
    else
      note(project, answer, fits)
      if answer ~= 'out' and not touched[project] then
        recall_rank(views[project], candidate.score)
        local score = place_of(views[project], answer)
        scores[#scores + 1] = text(score)
        scores[#scores + 1] = project
        has_moved = has_moved or score > now
      end
    end
  end
  -- Only now: places in `order` must not move while it is read page by page.
  add_in_chunks(order, scores)
  if #gone > 0 then
    redis.call('ZREM', order, unpack(gone))
  end
  if #leases < count and not is_free then
    search_short()
  end
  return not candidate and probes == most_probes and (has_moved or #gone > 0)
end
