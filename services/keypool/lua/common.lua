-- What the scripts share. The loader puts the table PART before it.
--
-- KEYS[1] is the prefix of a pool; all other names derive from it and share its slot.
--
-- Turns and ranks. Each grant takes a turn: a time in ms, raised by a tick where
-- grants share a millisecond, so that no two grants of a model are equal. The
-- rank of a project (within a model) and of a key (within its project) is its
-- last turn, less PLACE for each turn that came back unused. The lowest rank
-- goes next: returned turns are used before anybody's first, firsts before seconds.

local prefix = KEYS[1]

local TICK = 1 / 256
local PLACE = 1e9
-- So many returned turns are remembered that ranks stay above this.
local FLOOR = 1e12

local IDLE_MODEL_MS = 172800000
local LAPSED_MS = 600000
-- Longer than any lease can still run.
local LEASES_MS = 4500000
local JOURNAL_MS = 600000
local JOURNAL_SIZE = 1000
local CHUNK = 500

local function named(part, name)
  return prefix .. PART[part] .. (name or '')
end

local function read_clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The clock of a pool. Set back, it stands still until it has caught up with what it has
-- shown before, so that what was charged stays charged.
local function pool_clock()
  local shown = redis.call('HGET', named('counters'), 'clock')
  return math.max(read_clock(), tonumber(shown or 0))
end

-- `..` and tostring keep 14 digits, times have 13 and a fraction.
local function text(number)
  return string.format('%.17g', number)
end

-- The rank of what was never used.
local function newcomer(now)
  return now - PLACE / 2
end

local function taken(rank, turn)
  return math.min(rank + PLACE, turn)
end

local function returned(rank)
  if rank - PLACE < FLOOR then
    return rank
  end
  return rank - PLACE
end

local function keep_model(model)
  -- Both must end together: a cursor without its order would hide projects.
  redis.call('PEXPIRE', named('order', model), IDLE_MODEL_MS)
  redis.call('PEXPIRE', named('progress', model), IDLE_MODEL_MS)
end

local function project_cool_until(project)
  return tonumber(redis.call('HGET', named('project', project), 'cool_until') or 0)
end

local function add_in_chunks(key, rows)
  for first = 1, #rows, 2 * CHUNK do
    redis.call('ZADD', key, unpack(rows, first, math.min(first + 2 * CHUNK - 1, #rows)))
  end
end

-- Forget the open leases of a key that have run out, but remember for a while
-- that they were never settled.
local function lapse(key_id, now)
  local open = named('leases', key_id)
  local over = redis.call('ZRANGEBYSCORE', open, '-inf', now)
  if #over == 0 then
    return
  end
  redis.call('ZREMRANGEBYSCORE', open, '-inf', now)
  local lapsed, rows = named('lapsed', key_id), {}
  for _, lease in ipairs(over) do
    rows[#rows + 1] = now
    rows[#rows + 1] = lease
  end
  add_in_chunks(lapsed, rows)
  redis.call('ZREMRANGEBYSCORE', lapsed, '-inf', now - LAPSED_MS)
  redis.call('PEXPIRE', lapsed, LAPSED_MS)
end

-- Epochs are times, so that those before a loss of all data are never taken for newer ones.
local function withdraw(now, ...)
  local counters, journal = named('counters'), named('withdrawn')
  local epoch = math.max(now, tonumber(redis.call('HGET', counters, 'epoch') or 0) + 1)
  redis.call('HSET', counters, 'epoch', text(epoch))
  for _, what in ipairs({ ... }) do
    redis.call('ZADD', journal, epoch, what)
  end
  local floor
  local surplus = redis.call('ZCARD', journal) - JOURNAL_SIZE
  if surplus > 0 then
    floor = redis.call('ZRANGE', journal, surplus - 1, surplus - 1, 'WITHSCORES')[2]
    redis.call('ZREMRANGEBYRANK', journal, 0, surplus - 1)
  end
  if redis.call('ZREMRANGEBYSCORE', journal, '-inf', now - JOURNAL_MS) > 0 then
    floor = text(math.max(now - JOURNAL_MS, tonumber(floor or 0)))
  end
  if floor then
    redis.call('HSET', counters, 'floor', floor)
  end
end

-- {epoch, 1 when `known` is too old to tell, withdrawn...}
local function withdrawals_since(known)
  local row = redis.call('HMGET', named('counters'), 'epoch', 'floor')
  local epoch, floor = tonumber(row[1] or 0), tonumber(row[2] or 0)
  if known == epoch then
    return { text(epoch), 0 }
  end
  if known > epoch or known < floor then
    return { text(epoch), 1 }
  end
  local what = redis.call('ZRANGEBYSCORE', named('withdrawn'), '(' .. text(known), '+inf')
  return { text(epoch), 0, unpack(what) }
end

-- Put a key into use, and its project with it.
local function enlist(key_id, project, now)
  redis.call('ZADD', named('live', project), 'NX', newcomer(now), key_id)
  if not redis.call('ZSCORE', named('admitted'), project) then
    local number = redis.call('HINCRBY', named('counters'), 'admission', 1)
    redis.call('ZADD', named('admitted'), number, project)
  end
  -- Models that wait for a key with room look at it now.
  for _, model in ipairs(redis.call('SMEMBERS', named('parked', project))) do
    redis.call('ZADD', named('order', model), 'XX', 'LT', text(now), project)
  end
end

-- Take a key out of use. Its project leaves the order of each model when it is met there.
local function delist(key_id, project, now)
  if redis.call('ZREM', named('live', project), key_id) == 0 then
    return
  end
  if redis.call('ZCARD', named('live', project)) == 0 then
    redis.call('ZREM', named('admitted'), project)
  end
  withdraw(now, 'k' .. key_id)
end

-- The project that goes on where this one was merged. Leases, bindings and wishes may name
-- the old one for long.
local function resolve_project(project)
  for _ = 1, 16 do
    local into = redis.call('HGET', named('merged'), project)
    if not into then
      return project
    end
    project = into
  end
  return project
end
