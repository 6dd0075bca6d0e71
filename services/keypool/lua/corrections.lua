-- What becomes of charges once more is known of them. Comes after charges.

-- Take a charge back, but never anybody else's: one that no longer counts is gone already.
-- The entry taken from may be another one than it was added to; what is left then counts
-- longer, never shorter.
local function uncharge(state, at, tokens, now)
  local log = state.log
  if at + WINDOW <= now then
    return false
  end
  for place = seek(log, at), #log, ENTRY_SIZE do
    local last, span, n, sum = struct.unpack(ENTRY, log, place)
    if n > 0 then
      local left = math.max(0, sum - tokens)
      state.requests, state.used = state.requests - 1, state.used - sum + left
      splice(state, place, ENTRY_SIZE, last, last - span, n - 1, left)
      return true
    end
  end
  return false
end

-- Correct the tokens of a charge, where entries are coarse anyway.
local function add_tokens(state, at, tokens, now)
  local log = state.log
  local place = seek(log, at)
  if at + WINDOW <= now or place > #log then
    return false
  end
  local last, span, n, sum = struct.unpack(ENTRY, log, place)
  local corrected = math.max(0, math.min(MOST_TOKENS, sum + tokens))
  state.used = state.used - sum + corrected
  splice(state, place, ENTRY_SIZE, last, last - span, n, corrected)
  return true
end

local function uncount_in_day(state, day_end)
  if day_end == state.day_end then
    state.day_count = math.max(0, state.day_count - 1)
  elseif day_end > state.day_end then
    state.next_count = math.max(0, state.next_count - 1)
  end
end

-- Make a log of entries in any order.
local function set_entries(state, entries)
  table.sort(entries, function(one, other)
    if one.last ~= other.last then
      return one.last < other.last
    end
    return one.first < other.first
  end)
  local packed = {}
  state.requests, state.used = 0, 0
  for place, entry in ipairs(entries) do
    packed[place] = struct.pack(
      ENTRY, entry.last, entry.last - entry.first, entry.n, entry.tokens)
    state.requests, state.used = state.requests + entry.n, state.used + entry.tokens
  end
  state.log = table.concat(packed)
end

-- XX: a project that the model has not met yet enters by the cursor.
local function place(state, limits, now)
  save(state, limits, now)
  redis.call(
    'ZADD', named('order', state.model), 'XX', score_of(state, limits, now), state.project)
end
