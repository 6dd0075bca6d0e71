-- Sixth part of acquire: nobody is free, so a slot ahead is reserved, within what the caller
-- can wait. A reservation is a lease like any other, charged for when it may start.
--
-- Fair between clients: the slots ahead are shared by the clients that wait. How many there
-- are within the caller's wait is told from how far those that are taken reach. A client may
-- hold its share of them, and one in any case; so whoever is alone may hold them all, and
-- when a second one comes, the first gets no more until it holds no more than half.

local SLOTS_READ = 64
-- So long does a client count as waiting that was refused.
local WAITING_MS = 5000

local slots = {}

local function add_slot(project)
  local answer, fits = gate(project)
  local view = views[project]
  if answer == 'ok' or answer == 'cool' then
    -- A day's last slot is not reserved in the next one: nobody knows yet what that brings.
    local is_today = not view.limits.rpd or fits < view.state.day_end
    if fits <= now + wait and is_today then
      slots[#slots + 1] = { project = project, fits = fits }
    end
  end
  note(project, answer, fits)
end

local function first_slot()
  local best
  for at, slot in ipairs(slots) do
    if not best or slot.fits < slots[best].fits then
      best = at
    end
  end
  return best and table.remove(slots, best)
end

-- Those met in the search, then those that wait in the order.
local function read_slots()
  local met = later
  later = {}
  for _, slot in ipairs(met) do
    add_slot(slot.project)
  end
  local has_met = {}
  for _, slot in ipairs(met) do has_met[slot.project] = true end
  for project in pairs(touched) do
    if not has_met[project] then
      has_met[project] = true
      add_slot(project)
    end
  end
  local rows = redis.call(
    'ZRANGEBYSCORE', order, '(' .. now, now + wait, 'WITHSCORES',
    'LIMIT', 0, SLOTS_READ)
  local wanted_slots = count - #leases
  for row = 1, #rows, 2 do
    -- Scores are never later than the truth: past the slots that are wanted, none is earlier.
    if #slots >= wanted_slots then
      local latest = 0
      for _, slot in ipairs(slots) do latest = math.max(latest, slot.fits) end
      if tonumber(rows[row + 1]) >= latest then
        break
      end
    end
    if not has_met[rows[row]] then
      add_slot(rows[row])
    end
  end
end

local function count_ahead(name)
  local ahead_of = named('ahead', name)
  redis.call('ZREMRANGEBYSCORE', ahead_of, '-inf', now)
  return redis.call('ZCARD', ahead_of)
end

local reserved = 0

-- Whoever asks for a slot counts as waiting, whether it gets one or not.
local function note_waiting(time)
  local waiting = named('waiting', model)
  redis.call('ZREMRANGEBYSCORE', waiting, '-inf', now)
  redis.call('ZADD', waiting, 'GT', math.max(time, now + WAITING_MS), client)
  redis.call('PEXPIRE', waiting, wait + WAITING_MS)
end

local function may_wait(fits)
  note_waiting(fits)
  local waiting = named('waiting', model)
  local clients = redis.call('ZCARD', waiting)
  local all = count_ahead(model) + reserved + 1
  local within = math.ceil(all * wait / math.max(1, fits - now))
  local own = count_ahead(model .. '/' .. client) + reserved
  return own < math.max(1, math.ceil(within / clients))
end

local function reserve()
  if wait == 0 or is_free then
    return
  end
  note_waiting(now)
  read_slots()
  while #leases < count do
    local slot = first_slot()
    if not slot then
      return
    elseif not may_wait(slot.fits) then
      local own = redis.call(
        'ZRANGE', named('ahead', model .. '/' .. client), 0, 0, 'WITHSCORES')
      soonest = math.max(soonest, tonumber(own[2] or slot.fits))
      return
    end
    grant(slot.project, slot.fits)
    reserved = reserved + 1
    add_slot(slot.project)
  end
end
