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

-- Charge a request that starts between `first` and `at`.
local function charge(state, limits, first, at, tokens)
  local log = state.log
  local requests, most_tokens, span = share_of(limits)
  tokens = math.min(tokens, MOST_TOKENS)
  local place = #log + 1
  while place > 1 and log[place - 1].last > at do
    place = place - 1
  end
  local function fits(entry)
    return entry and entry.n < requests and entry.tokens + tokens <= most_tokens
  end
  local before, after = log[place - 1], log[place]
  if fits(after) and after.first <= first then
    after.n, after.tokens = after.n + 1, after.tokens + tokens
  elseif fits(before) and first - before.first <= span then
    before.n, before.tokens = before.n + 1, before.tokens + tokens
    before.first, before.last = math.min(before.first, first), at
  else
    table.insert(log, place, { last = at, first = first, n = 1, tokens = tokens })
  end
end

-- Take a charge back, but never anybody else's: one that no longer counts is gone already.
-- The entry taken from may be another one than it was added to; what is left then counts
-- longer, never shorter.
local function uncharge(state, at, tokens, now)
  if at + WINDOW <= now then
    return false
  end
  for place, entry in ipairs(state.log) do
    if entry.last >= at and entry.n > 0 then
      entry.n = entry.n - 1
      entry.tokens = math.max(0, entry.tokens - tokens)
      if entry.n == 0 and entry.tokens == 0 then
        table.remove(state.log, place)
      end
      return true
    end
  end
  return false
end

-- Correct the tokens of a charge, where entries are coarse anyway.
local function add_tokens(state, at, tokens, now)
  if at + WINDOW <= now then
    return false
  end
  for _, entry in ipairs(state.log) do
    if entry.last >= at then
      entry.tokens = math.max(0, math.min(MOST_TOKENS, entry.tokens + tokens))
      return true
    end
  end
  return false
end

-- Requests and tokens that count at a time.
local function used_at(state, time)
  local requests, tokens = 0, 0
  for _, entry in ipairs(state.log) do
    if entry.first <= time and entry.last + WINDOW > time then
      requests, tokens = requests + entry.n, tokens + entry.tokens
    end
  end
  return requests, tokens
end

-- The first time from `start` on at which a charge leaves room in every minute it counts in.
local function first_fit(state, limits, start, tokens, hold)
  local length = WINDOW + hold
  local rpm, tpm = limits.rpm or HUGE, limits.tpm or HUGE
  local log, requests, used = state.log, 1, tokens
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
      or start + hold + calendar.slack >= state.day_end) then
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
  local fits = earliest(state, limits, now, quantum(limits), 0)
  return fits > now and math.max(state.rank, fits) or state.rank
end

-- The one writer of states, and of what is told from them to find them by.
local function save(state, limits, now)
  if limits.tpm then
    local _, used = used_at(state, now)
    local is_short = limits.tpm - used < quantum(limits)
    if is_short then
      redis.call('ZADD', named('short', state.model), limits.tpm - used, state.project)
    elseif has(state, SHORT) then
      redis.call('ZREM', named('short', state.model), state.project)
    end
    set(state, SHORT, is_short)
  end
  local counted = state.day_count + state.next_count
  set(state, PACED, limits.rpd ~= nil)
  if limits.rpd then
    state.pace = pace.count(state.pace, now, counted - state.counted)
  end
  state.counted = counted
  write_state(state, now)
end

-- XX: a project that the model has not met yet enters by the cursor.
local function place(state, limits, now)
  save(state, limits, now)
  redis.call(
    'ZADD', named('order', state.model), 'XX', text(score_of(state, limits, now)), state.project)
end
