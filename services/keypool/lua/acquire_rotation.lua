-- Third part of acquire: who goes next.
--
-- The first row of an order is no project: its score is, below zero, the highest admission
-- number that entered. So the order and what is missing in it end together. The name of the
-- row is too long for the compact form of a small zset, in which every look is a walk.

local PROBES = 64
local CURSOR = 'minus the highest number of those that were admitted to this order'
local FIRST_ROW = -1e15

-- Known once the order has been looked at.
local cursor

-- Candidates. First those that had to wait and may go again; then the rotation: `ahead` is read
-- from Redis in order, `again` holds what was put back.
local waited, waited_read, has_waited = {}, 0, {}
local ahead, at, read, all_read = {}, 1, 0, false
local again = {}

local page = count + #wishes.projects

local function read_waited()
  waited = redis.call(
    'ZRANGEBYSCORE', order, FIRST_TIME, now, 'LIMIT', waited_read, page)
  waited_read = #waited == page and waited_read + page
end

local function read_ahead()
  local size = page + (read == 0 and 1 or 16)
  local rows = redis.call('ZRANGE', order, read, read + size - 1, 'WITHSCORES')
  ahead, at, read, all_read = {}, 1, read + size, #rows < 2 * size
  for row = 1, #rows, 2 do
    local score = tonumber(rows[row + 1])
    if rows[row] == CURSOR then
      cursor = FIRST_ROW - score
    elseif score >= FIRST_TIME and not is_free then
      all_read = true
      break
    elseif not has_waited[rows[row]] then
      ahead[#ahead + 1] = { project = rows[row], score = score }
    end
  end
end

local function next_project()
  if #waited == 0 and waited_read then
    read_waited()
  end
  if #waited > 0 then
    local project = table.remove(waited, 1)
    has_waited[project] = true
    return { project = project }
  end
  if at > #ahead and not all_read then
    read_ahead()
  end
  local one, other = ahead[at], again[1]
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

-- Projects that this model never met enter, no more than may be needed. Their first turns lie
-- evenly over a round, so that those of a heavy one come in between. Returns them, and their
-- ranks.
local function admit()
  cursor = cursor or FIRST_ROW - (redis.call('ZSCORE', order, CURSOR) or FIRST_ROW)
  local newest = counter('admission')
  if cursor == newest then
    return {}
  end
  local rows = redis.call(
    'ZRANGEBYSCORE', named('admitted'), '(' .. cursor, '+inf', 'WITHSCORES', 'LIMIT', 0, page)
  local names, ranks, scores = {}, {}, {}
  for row = 1, #rows, 2 do
    local weight = counter('weighted') > 0
      and redis.call('HGET', named('project', rows[row]), 'weight') or 1
    local rank = math.floor(known.pass) + rows[row + 1] / (newest + 1) / weight
    names[#names + 1], ranks[#ranks + 1] = rows[row], rank
    scores[row], scores[row + 1] = rank, rows[row]
  end
  if cursor == 0 then
    redis.call('ZADD', named('models'), now, model)
    -- Each that comes looks after two others, so those that are gone never become many.
    tidy_models(redis.call('ZRANGE', named('models'), 0, 1), now)
  end
  cursor = #names == page and tonumber(rows[#rows]) or newest
  redis.call('ZADD', order, FIRST_ROW - cursor, CURSOR)
  if #names > 0 then
    redis.call('ZADD', order, 'NX', unpack(scores))
  end
  redis.call('PEXPIRE', order, IDLE_MODEL_MS)
  return names, ranks
end

-- Those who are new to the model come before those who are not.
local function begin_search()
  read_ahead()
  cursor = cursor or 0
  if #admit() > 0 then
    ahead, at, read, all_read = {}, 1, 0, false
  end
end

-- False when nobody is left to admit. Comes after the last page that is read: those who
-- enter shift the places of the others.
local function admit_more()
  all_read = true
  local names, ranks = admit()
  if #names == 0 then
    return false
  end
  for place, score in ipairs(redis.call('ZMSCORE', order, unpack(names))) do
    if tonumber(score) == ranks[place] then
      put_back(names[place], ranks[place])
    end
  end
  return true
end

local probes, most_probes = 0, PROBES + 2 * count + #wishes.projects

-- The next project whose time may have come; nil when there is none, or no probe left.
local function next_candidate()
  while probes < most_probes do
    probes = probes + 1
    local candidate = next_project()
    if candidate then
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
  for _, project in ipairs(redis.call('ZREVRANGE', named('short', model), 0, 7)) do
    while #leases < count and gate(project) == 'ok' do
      grant(project, now)
    end
  end
end

-- What the search found out about the order, written once it is over: places must not move
-- while it is read page by page.
local scores, gone = {}, {}

-- Grant while there is somebody to serve. True when the search ended before the supply did.
local function search()
  local candidate, has_moved = nil, false
  while #leases < count do
    candidate = next_candidate()
    if not candidate then
      break
    end
    local project, rank = candidate.project, candidate.score
    if not rank or rank >= FIRST_TIME then
      -- It waited, or waits and is good enough for a free call.
      rank = 0
    end
    local answer, fits = gate(project)
    if answer == 'ok' then
      known.pass = math.max(known.pass, rank)
      grant(project, now)
      local score = #leases < count and place_of(views[project]) or now
      if score < FIRST_TIME or is_free then
        put_back(project, score)
      end
    elseif answer == 'dead' then
      gone[#gone + 1] = project
    else
      note(project, answer, fits)
      if answer ~= 'out' and not touched[project] then
        -- A state may have been forgotten; the score then still tells the rank.
        local score = math.max(place_of(views[project], answer), rank)
        scores[#scores + 1] = score
        scores[#scores + 1] = project
        has_moved = has_moved or score > now
      end
    end
  end
  if #leases < count and not is_free then
    search_short()
  end
  return not candidate and probes == most_probes and (has_moved or #gone > 0)
end
