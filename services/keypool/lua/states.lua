-- The packed state of a project for a model: read once and written once in a call. Comes after
-- models, pace and quota.
--
-- Most states are a header and few charges. What most do not have is written only where bits
-- tell that it is there. Charges stay packed, `log`, in the order of their
-- last time; `requests` and `used` are their sums.

local NONE = {}
local UNTAUGHT = { limit = 0, time = 0 }

-- Of charges that share an entry: the last time, from the first to the last, how many, tokens.
local ENTRY = '<I6I2I2I4'
local ENTRY_SIZE = 14

local read_state, write_state
do
  -- Bits, rank, end of the day in hours, the day's count.
  local HEADER = '<BdI3I3'
  local MOST_A_DAY = 16777215
  local SHORT = 1
  local COOLED = 2
  -- Until when it cools, as what, how often in a row, since when.
  local COOLING = '<dBBI6'
  local AHEAD = 4
  -- The next day's count.
  local NEXT_DAY = '<I2'
  local TAUGHT = 8
  -- A limit and when it was learned, 0 for none, of each kind.
  local LESSONS = '<I4I6I4I6I4I6'
  -- How fast a limited day is used up, see pace.
  local PACED = 16
  local SUMMED = 32
  -- Sums of a log that is not short.
  local SUMS = '<I4I6'
  local SHORT_LOG = 56

  -- Longer than a charge can count: the longest wait, hold and minute.
  local IDLE_STATE_MS = 720000
  -- Days end at whole hours.
  local HOUR_MS = 3600000

  local function read_more(state, bits, packed, at, now)
    state.is_short = bit.band(bits, SHORT) ~= 0
    if bit.band(bits, COOLED) ~= 0 then
      state.cool_until, state.flags, state.level, state.cooled_at, at =
        struct.unpack(COOLING, packed, at)
    end
    if bit.band(bits, AHEAD) ~= 0 then
      state.next_count, at = struct.unpack(NEXT_DAY, packed, at)
    end
    if bit.band(bits, TAUGHT) ~= 0 then
      local lessons = { struct.unpack(LESSONS, packed, at) }
      at = lessons[7]
      for number, kind in ipairs(KINDS) do
        local limit, time = lessons[2 * number - 1], lessons[2 * number]
        if time + LEARNED_MS > now then
          state.learned = state.learned == NONE and {} or state.learned
          state.learned[kind] = { limit = limit, time = time }
        end
      end
    end
    if bit.band(bits, PACED) ~= 0 then
      state.pace, at = pace.unpack(packed, at)
    end
    if bit.band(bits, SUMMED) ~= 0 then
      state.requests, state.used, at = struct.unpack(SUMS, packed, at)
    end
    return at
  end

  -- Read the charges that count yet, or will: those that passed are the first.
  local function read_log(state, is_summed, packed, at, now)
    while at < #packed do
      local last, _, n, tokens, after = struct.unpack(ENTRY, packed, at)
      if last + WINDOW > now then
        break
      end
      if is_summed then
        state.requests, state.used = state.requests - n, state.used - tokens
      end
      at = after
    end
    state.log = string.sub(packed, at)
    if is_summed then
      return
    end
    while at < #packed do
      local _, _, n, tokens, after = struct.unpack(ENTRY, packed, at)
      state.requests, state.used, at = state.requests + n, state.used + tokens, after
    end
  end

  function read_state(model, project, now)
    local state = {
      model = model, project = project, rank = 0, cool_until = 0, flags = 0, level = 0,
      cooled_at = 0, day_end = 0, day_count = 0, next_count = 0, learned = NONE, log = '',
      requests = 0, used = 0, is_short = false,
    }
    local known = known_model(model)
    local packed = known and redis.call('GET', named('state', known.number .. ':' .. project))
    if packed then
      local bits, hours, at
      bits, state.rank, hours, state.day_count, at = struct.unpack(HEADER, packed)
      state.day_end = hours * HOUR_MS
      if bits > 0 then
        at = read_more(state, bits, packed, at, now)
      end
      read_log(state, bits >= SUMMED, packed, at, now)
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

  function write_state(state, now)
    local bits, more = state.is_short and SHORT or 0, ''
    -- When nothing that the state says matters any more.
    local ends = math.max(now, state.cool_until) + IDLE_STATE_MS
    if state.day_count > 0 then
      ends = math.max(ends, state.day_end)
    end
    if state.cool_until > now or state.level > 0 or has(state, HALF_OPEN) then
      bits = bits + COOLED
      more = struct.pack(
        COOLING, state.cool_until, state.flags, math.min(state.level, 255), state.cooled_at)
    end
    if state.next_count > 0 then
      bits = bits + AHEAD
      more = more .. struct.pack(NEXT_DAY, math.min(state.next_count, MOST))
      ends = math.max(ends, state.day_end + IDLE_STATE_MS)
    end
    if next(state.learned) then
      bits = bits + TAUGHT
      local lessons = {}
      for number, kind in ipairs(KINDS) do
        local lesson = state.learned[kind] or UNTAUGHT
        lessons[2 * number - 1], lessons[2 * number] = lesson.limit, lesson.time
        ends = math.max(ends, lesson.time + LEARNED_MS)
      end
      more = more .. struct.pack(LESSONS, unpack(lessons))
    end
    if state.pace then
      bits = bits + PACED
      more = more .. pace.pack(state.pace)
    end
    if #state.log > SHORT_LOG then
      bits = bits + SUMMED
      more = more .. struct.pack(SUMS, state.requests, state.used)
    end
    local packed = struct.pack(
      HEADER, bits, state.rank, math.ceil(state.day_end / HOUR_MS),
      math.min(state.day_count, MOST_A_DAY))
    local number = open_model(state.model).number
    local name = named('state', number .. ':' .. state.project)
    redis.call('SET', name, packed .. more .. state.log, 'PXAT', math.ceil(ends))
  end
end
