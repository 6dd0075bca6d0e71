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

-- Google counts when a request arrives, not when it is granted, so a minute counts a little
-- longer: SLACK, ms. Then the next ends of the quota day, ms, ascending.
local SLACK, FIRST_END, SECOND_END, THIRD_END = struct.unpack('<dddd', ARGV[#ARGV])
local WINDOW = 60000 + SLACK
local ENTRIES = 64
-- Without a limit the log is kept coarsely, so that one that is learned meets a known past.
local COARSE_MS = 3750

local GUESSED = 1
local ABSENT = 2
-- After a cool-down that was guessed, one request at a time shows whether it was enough.
local HALF_OPEN = 4

local PROBE_MS = 10000
local LEARNED_MS = 86400000
-- Once a year a day has an hour more.
local LONGEST_DAY_MS = 90000000
local HUGE = 1e999
local MOST = 65535
local MOST_TOKENS = 4294967295

local KINDS = { 'rpm', 'tpm', 'rpd' }
local NO_LIMITS = {}

local function has(state, flag)
  return state.flags ~= 0 and bit.band(state.flags, flag) ~= 0
end

local function set(state, flag, is_set)
  state.flags = is_set and bit.bor(state.flags, flag) or bit.band(state.flags, bit.bnot(flag))
end

local function next_midnight(time)
  if time < FIRST_END then
    return FIRST_END
  elseif time < SECOND_END then
    return SECOND_END
  elseif time < THIRD_END then
    return THIRD_END
  end
  return time + 86400000
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
