-- What a project has used of a model, and when the next request fits. The loader puts it
-- after common; the last argument of a script that uses it is its calendar.
--
-- The truth is the state of a project for a model, checked at the moment of a grant: when it
-- cools down, the day's count, limits learned, and a log of charges. A charge at a time counts
-- from then on until WINDOW has passed. Charges that lie close together share an entry, which
-- counts from the first of them until the last has passed: never less than what was granted.
-- A charge may lie ahead: a request that is still to start, or a slot that was reserved.
--
-- A score in `order` is no more than a hint, never later than the truth: too early is found
-- out at the grant, too late would be found out by nobody. So whatever makes a project usable
-- earlier places it anew.

-- {ends of the quota day ms ascending, slack ms}: Google counts when a request arrives, not
-- when it is granted, so a minute counts a little longer.
local calendar = cjson.decode(ARGV[#ARGV])
local WINDOW = 60000 + calendar.slack
local ENTRIES = 64
-- Without a limit the log is kept coarsely, so that one that is learned meets a known past.
local COARSE_MS = 3750

local GUESSED = 1
local ABSENT = 2
-- After a cool-down that was guessed, one request at a time shows whether it was enough.
local HALF_OPEN = 4
local LEARNED = 8
-- It stands in `short`.
local SHORT = 16
-- Its pace is kept.
local PACED = 32

local PROBE_MS = 10000
local LEARNED_MS = 86400000
-- Once a year a day has an hour more.
local LONGEST_DAY_MS = 90000000
local IDLE_STATE_MS = 600000
local HUGE = math.huge
local MOST = 65535
local MOST_TOKENS = 4294967295

local HEADER = '<ddBBI6I6I4I2'
local LESSONS = '<I4I6I4I6I4I6'
local ENTRY = 'I6I2I2I4'
local KINDS = { 'rpm', 'tpm', 'rpd' }

local function state_name(model, project)
  return named('state', model) .. ':' .. project
end

local function next_midnight(time)
  for _, midnight in ipairs(calendar.ends) do
    if midnight > time then
      return midnight
    end
  end
  return time + 86400000
end

local function read_entries(packed, at, now)
  local log = {}
  local size = math.floor((#packed - at + 1) / 14)
  for begin = 0, size - 1, CHUNK do
    local here = math.min(CHUNK, size - begin)
    local fields = { struct.unpack('<' .. string.rep(ENTRY, here), packed, at + 14 * begin) }
    for field = 1, 4 * here, 4 do
      local last = fields[field]
      if last + WINDOW > now then
        log[#log + 1] = {
          last = last, first = last - fields[field + 1],
          n = fields[field + 2], tokens = fields[field + 3],
        }
      end
    end
  end
  return log
end

local function pack_entries(log, first, last)
  local fields, at = {}, 0
  for place = first, last do
    local entry = log[place]
    fields[at + 1], fields[at + 2] = entry.last, entry.last - entry.first
    fields[at + 3], fields[at + 4] = entry.n, entry.tokens
    at = at + 4
  end
  return struct.pack('<' .. string.rep(ENTRY, last - first + 1), unpack(fields))
end

local function read_state(model, project, now)
  local packed = redis.call('GET', state_name(model, project))
  local state = {
    model = model, project = project, rank = 0, cool_until = 0, flags = 0,
    level = 0, cooled_at = 0, day_end = 0, day_count = 0, next_count = 0, learned = {}, log = {},
  }
  if packed then
    local at
    state.rank, state.cool_until, state.flags, state.level, state.cooled_at,
      state.day_end, state.day_count, state.next_count, at = struct.unpack(HEADER, packed)
    if bit.band(state.flags, LEARNED) ~= 0 then
      local lessons = { struct.unpack(LESSONS, packed, at) }
      at = lessons[7]
      for number, kind in ipairs(KINDS) do
        local time = lessons[2 * number]
        if time + LEARNED_MS > now then
          state.learned[kind] = { limit = lessons[2 * number - 1], time = time }
        end
      end
    end
    if bit.band(state.flags, PACED) ~= 0 then
      state.pace, at = pace.unpack(packed, at)
    end
    state.log = read_entries(packed, at, now)
  end
  if state.day_end <= now then
    local day_end = next_midnight(now)
    local is_next = day_end - state.day_end <= LONGEST_DAY_MS
    state.day_count, state.next_count = is_next and state.next_count or 0, 0
    state.day_end, state.level = day_end, 0
  end
  state.counted = state.day_count + state.next_count
  return state
end

local function has(state, flag)
  return bit.band(state.flags, flag) ~= 0
end

local function set(state, flag, is_set)
  state.flags = is_set and bit.bor(state.flags, flag) or bit.band(state.flags, bit.bnot(flag))
end

local function write_state(state, now)
  local forget_at = math.max(now, state.cool_until) + IDLE_STATE_MS
  if state.day_count + state.next_count > 0 then
    forget_at = math.max(forget_at, state.day_end + (state.next_count > 0 and IDLE_STATE_MS or 0))
  end
  set(state, LEARNED, next(state.learned) ~= nil)
  local parts = {
    struct.pack(
      HEADER, state.rank, state.cool_until, state.flags, math.min(state.level, 255),
      state.cooled_at, state.day_end, state.day_count, math.min(state.next_count, MOST)),
  }
  if has(state, LEARNED) then
    local lessons = {}
    for number, kind in ipairs(KINDS) do
      local lesson = state.learned[kind] or { limit = 0, time = 0 }
      lessons[2 * number - 1], lessons[2 * number] = lesson.limit, lesson.time
      forget_at = math.max(forget_at, lesson.time + LEARNED_MS)
    end
    parts[2] = struct.pack(LESSONS, unpack(lessons))
  end
  if has(state, PACED) then
    parts[#parts + 1] = pace.pack(state.pace)
  end
  for first = 1, #state.log, CHUNK do
    parts[#parts + 1] = pack_entries(state.log, first, math.min(first + CHUNK - 1, #state.log))
  end
  local last = state.log[#state.log]
  if last then
    forget_at = math.max(forget_at, last.last + WINDOW)
  end
  redis.call(
    'SET', state_name(state.model, state.project), table.concat(parts),
    'PXAT', text(math.ceil(forget_at)))
end

-- Count a request that starts at a time, which may lie in the next day; returns the end of
-- the day it counts in.
local function count_in_day(state, time)
  if time < state.day_end then
    state.day_count = state.day_count + 1
    return state.day_end
  end
  state.next_count = state.next_count + 1
  return next_midnight(state.day_end)
end

local function uncount_in_day(state, day_end)
  if day_end == state.day_end then
    state.day_count = math.max(0, state.day_count - 1)
  elseif day_end > state.day_end then
    state.next_count = math.max(0, state.next_count - 1)
  end
end
