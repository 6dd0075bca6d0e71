-- The log of charges: what was granted to a project of a model, and when the next request
-- fits. The loader puts it after quota.

-- How far charges may share an entry: requests, tokens, ms. Few requests share none.
local function share_of(limits)
  if not limits.rpm and not limits.tpm then
    return MOST, MOST_TOKENS, COARSE_MS
  end
  local requests = limits.rpm and math.min(MOST, math.ceil(limits.rpm / ENTRIES)) or MOST
  local tokens = limits.tpm and math.ceil(limits.tpm / ENTRIES) or MOST_TOKENS
  return requests, math.min(tokens, MOST_TOKENS), math.floor(60000 / ENTRIES)
end

-- Where the first entry begins whose last time is not before a time.
local function seek(log, time)
  local low, high = 0, #log / ENTRY_SIZE
  -- Most look for the end.
  if high == 0 or struct.unpack('<I6', log, #log - ENTRY_SIZE + 1) < time then
    return #log + 1
  end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if struct.unpack('<I6', log, ENTRY_SIZE * middle + 1) < time then
      low = middle + 1
    else
      high = middle
    end
  end
  return ENTRY_SIZE * low + 1
end

-- Replace so many bytes of the log from `at` on by one entry, or by none when it is empty.
local function splice(state, at, size, last, first, n, tokens)
  local entry = ''
  if n > 0 or tokens > 0 then
    entry = struct.pack(ENTRY, last, last - first, n, tokens)
  end
  local log = state.log
  state.log = string.sub(log, 1, at - 1) .. entry .. string.sub(log, at + size)
end

-- Charge a request that starts between `first` and `at`.
local function charge(state, limits, first, at, tokens)
  local log = state.log
  local requests, most_tokens, most_span = share_of(limits)
  tokens = math.min(tokens, MOST_TOKENS)
  state.requests, state.used = state.requests + 1, state.used + tokens
  local place = seek(log, at + 1)
  if place <= #log then
    local last, span, n, sum = struct.unpack(ENTRY, log, place)
    if n < requests and sum + tokens <= most_tokens and last - span <= first then
      splice(state, place, ENTRY_SIZE, last, last - span, n + 1, sum + tokens)
      return
    end
  end
  if place > 1 then
    local last, span, n, sum = struct.unpack(ENTRY, log, place - ENTRY_SIZE)
    local begin = last - span
    if n < requests and sum + tokens <= most_tokens and first - begin <= most_span then
      splice(
        state, place - ENTRY_SIZE, ENTRY_SIZE, at, math.min(begin, first), n + 1, sum + tokens)
      return
    end
  end
  splice(state, place, 0, at, first, 1, tokens)
end

local function entries_of(state)
  local entries = {}
  for at = 1, #state.log, ENTRY_SIZE do
    local last, span, n, tokens = struct.unpack(ENTRY, state.log, at)
    entries[#entries + 1] = { last = last, first = last - span, n = n, tokens = tokens }
  end
  return entries
end

-- The first time from `start` on at which a charge leaves room in every minute it counts in.
local function first_fit(state, limits, start, tokens, hold)
  local length = WINDOW + hold
  local rpm, tpm = limits.rpm or HUGE, limits.tpm or HUGE
  if state.requests < rpm and state.used + tokens <= tpm then
    return start
  end
  local log = entries_of(state)
  local requests, used = 1, tokens
  for _, entry in ipairs(log) do
    if entry.last + WINDOW > start then
      requests, used = requests + entry.n, used + entry.tokens
    end
  end
  if requests <= rpm and used <= tpm then
    return start
  end
  -- Entries begin and end to count, in the order of time; what is too full pushes the charge
  -- to its end.
  local begins = {}
  for place, entry in ipairs(log) do
    local at = place
    while at > 1 and begins[at - 1].first > entry.first do
      begins[at] = begins[at - 1]
      at = at - 1
    end
    begins[at] = entry
  end
  local opened, closed, from = 1, 1, -HUGE
  requests, used = 1, tokens
  while closed <= #log and from < start + length do
    local ends = log[closed].last + WINDOW
    local begin = begins[opened] and begins[opened].first or HUGE
    local to = math.min(begin, ends)
    if to > start and (requests > rpm or used > tpm) then
      start = to
    end
    if begin < ends then
      requests, used = requests + begins[opened].n, used + begins[opened].tokens
      opened = opened + 1
    else
      requests, used = requests - log[closed].n, used - log[closed].tokens
      closed = closed + 1
    end
    from = to
  end
  return start
end

-- The first time from `start` on at which a request of so many tokens fits that starts
-- within `hold` from then; HUGE for never.
local function earliest(state, limits, start, tokens, hold)
  start = math.max(start, state.cool_until)
  if limits.rpd and (state.day_count >= limits.rpd
      or start + hold + SLACK >= state.day_end) then
    start = math.max(start, state.day_end)
  end
  if limits.tpm and tokens > limits.tpm then
    return HUGE
  elseif limits.rpm or limits.tpm then
    return first_fit(state, limits, start, tokens, hold)
  end
  return start
end

-- Scores are for requests of so many tokens; `short` has the projects that have less.
local function quantum(limits)
  return limits.tpm and math.ceil(limits.tpm / 4) or 0
end

local function score_of(state, limits, now)
  if limits == NO_LIMITS then
    return state.cool_until > now and state.cool_until or state.rank
  end
  local fits = earliest(state, limits, now, quantum(limits), 0)
  return fits > now and math.max(state.rank, fits) or state.rank
end

-- The one writer of states, and of what is told from them to find them by.
local function save(state, limits, now)
  if limits.tpm then
    local is_short = limits.tpm - state.used < quantum(limits)
    if is_short then
      redis.call('ZADD', named('short', state.model), limits.tpm - state.used, state.project)
    elseif state.is_short then
      redis.call('ZREM', named('short', state.model), state.project)
    end
    state.is_short = is_short
  end
  local counted = state.day_count + state.next_count
  state.pace = limits.rpd and pace.count(state.pace, now, counted - state.counted) or nil
  state.counted = counted
  write_state(state, now)
end
