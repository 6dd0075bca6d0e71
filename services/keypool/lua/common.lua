-- What the scripts share.
--
-- KEYS[1] is the prefix of a pool; all other names derive from it and share its slot. Scripts
-- write named('order', model); the loader puts prefix .. 'm:' .. model in its place.
--
-- Commands take numbers as they are. Where a number becomes part of a text, `..` keeps 14
-- digits: enough for a time in whole ms, too few for the number of a lease.

local prefix = KEYS[1]

local IDLE_MODEL_MS = 172800000
-- Longer than any lease can still run.
local LEASES_MS = 7200000
local CHUNK = 500

local function read_clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- What the pool counts, read once in a call. Whoever changes one with `set_counter` sees it.
local counters
-- Model -> what is kept of it, see models; false for nothing.
local model_rows = {}

-- Read them, and along with them what is kept of a model.
local function read_counters(model)
  local row = redis.call(
    'HMGET', named('counters'), 'clock', 'lease', 'admission', 'epoch', 'floor', 'quotas',
    'cooling', 'prioritized', 'weighted', 'M/' .. (model or ''))
  counters = {
    clock = tonumber(row[1] or 0), lease = tonumber(row[2] or 0),
    admission = tonumber(row[3] or 0), epoch = tonumber(row[4] or 0),
    floor = tonumber(row[5] or 0), quotas = tonumber(row[6] or 0),
    cooling = tonumber(row[7] or 0), prioritized = tonumber(row[8] or 0),
    weighted = tonumber(row[9] or 0),
  }
  if model then
    model_rows[model] = row[10]
  end
end

local function counter(name)
  if not counters then
    read_counters()
  end
  return counters[name]
end

local function set_counter(name, number)
  if counter(name) ~= number then
    redis.call('HSET', named('counters'), name, number)
    counters[name] = number
  end
end

-- The clock of a pool. Set back, it stands still until it has caught up with what it has
-- shown before, so that what was charged stays charged.
local function pool_clock()
  return math.max(read_clock(), counter('clock'))
end

local function text(number)
  return string.format('%.17g', number)
end

local function add_in_chunks(key, rows)
  for first = 1, #rows, 2 * CHUNK do
    redis.call('ZADD', key, unpack(rows, first, math.min(first + 2 * CHUNK - 1, #rows)))
  end
end

local has_merged

-- The project that goes on where this one was merged. Leases, bindings and wishes may name
-- the old one for long.
local function resolve_project(project)
  if has_merged == nil then
    has_merged = redis.call('EXISTS', named('merged')) == 1
  end
  for _ = 1, has_merged and 16 or 0 do
    local into = redis.call('HGET', named('merged'), project)
    if not into then
      return project
    end
    project = into
  end
  return project
end
