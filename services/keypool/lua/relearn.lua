-- Take in what a key pool remembers of data that was lost. Comes after quota and limits.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 memory     JSON: version of the declared limits, declared limits as pairs, rows of
--                    {model, project, tier, charges as {first, last, tokens, end of the day}}
--       2.. packed states, one for each row, '' where none is known
--       last calendar, see quota
-- Reply nothing
-- Keeps What is known is only ever raised: of two memories of one charge, or of one day's
--       count, the higher stays. Charges of after the packed state were made by this caller
--       alone, and are added.

local memory = cjson.decode(ARGV[1])
local now = pool_clock()

-- Logs of one project at two times: a charge may have joined an entry in between, which
-- keeps one of its ends. Charges of one moment have entries that look alike, so each entry
-- is the counterpart of one other at most.
local function counterpart(log, size, taken_places, other)
  for place = 1, size do
    local entry = log[place]
    if not taken_places[place] and (entry.first == other.first or entry.last == other.last) then
      taken_places[place] = true
      return entry
    end
  end
end

local function recall_log(log, others)
  local size, taken_places = #log, {}
  for _, other in ipairs(others) do
    local found = counterpart(log, size, taken_places, other)
    if found then
      found.first, found.last = math.min(found.first, other.first), math.max(found.last, other.last)
      found.n, found.tokens = math.max(found.n, other.n), math.max(found.tokens, other.tokens)
    else
      log[#log + 1] = other
    end
  end
  return log
end

local function recall_lessons(lessons, others)
  local learned = {}
  for _, kind in ipairs(KINDS) do
    local lesson, other = lessons[kind], others[kind]
    learned[kind] = lesson
    if other and (not lesson or other.time > lesson.time) then
      learned[kind] = other
    end
  end
  return learned
end

local function recall(state, other)
  if other.cool_until > state.cool_until then
    state.cool_until, state.flags = other.cool_until, other.flags
  end
  state.rank = math.max(state.rank, other.rank)
  state.level = math.max(state.level, other.level)
  state.cooled_at = math.max(state.cooled_at, other.cooled_at)
  if state.day_end == other.day_end then
    state.day_count = math.max(state.day_count, other.day_count)
    state.counted = state.day_count + state.next_count
  end
  state.pace = state.pace or other.pace
  state.learned = recall_lessons(state.learned, other.learned)
  set_entries(state, recall_log(entries_of(state), entries_of(other)))
end

local function add_charges(state, limits, charges)
  for _, row in ipairs(charges) do
    local first, last, tokens, day_end = unpack(row)
    if last + WINDOW > now then
      charge(state, limits, first, last, tokens)
    end
    if day_end == state.day_end then
      state.day_count = state.day_count + 1
    end
  end
end

local declares = false
for _, row in ipairs(memory.declared) do
  declares = redis.call('HSETNX', named('quotas'), row[1], row[2]) == 1 or declares
end
if declares then
  set_counter('quotas', math.max(now, counter('quotas') + 1, memory.version))
end

for index, row in ipairs(memory.rows) do
  local model, project, tier, charges = unpack(row)
  local state = read_state(model, project, now)
  local packed = ARGV[1 + index]
  if packed ~= '' then
    -- Written to be read by the one who knows the layout; what is saved below replaces it.
    local number = open_model(model).number
    redis.call('SET', named('state', number .. ':' .. project), packed)
    recall(state, read_state(model, project, now))
  end
  if tier ~= '' then
    redis.call('HSETNX', named('project', project), 'tier', tier)
  end
  -- Ranks go on from where they were.
  local known = open_model(model)
  if state.rank > known.pass + 1 then
    known.pass = state.rank - 1
    redis.call('HSET', named('counters'), 'M/' .. model, pack_model(known))
  end
  local limits = limits_of(state, tier ~= '' and tier or nil)
  add_charges(state, limits, charges)
  save(state, limits, now)
  redis.call('ZADD', named('models'), now, model)
end
