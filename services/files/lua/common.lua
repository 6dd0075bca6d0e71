-- What the scripts share. The loader puts the table PART before it.
--
-- KEYS[1] is the prefix of everything here; all other names derive from it and share its slot.

local prefix = KEYS[1]

-- An upload is still known so long after its end, ms, so that it can be cancelled upstream.
local GRACE_MS = 3600000
local CHUNK = 500

local function named(part, name)
  return prefix .. PART[part] .. (name or '')
end

local function read_clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function text(number)
  return string.format('%.17g', number)
end

-- Why a writer must not go on, nil when it may: the state of an upload that has ended,
-- `preempted` once a newer writer has begun, `unknown`.
local function barred(upload, fence)
  local row = redis.call('HMGET', named('upload', upload), 'state', 'fence')
  if not row[1] then
    return 'unknown'
  end
  if row[1] ~= 'active' then
    return row[1]
  end
  if row[2] ~= fence then
    return 'preempted'
  end
end

-- Whose an upload is, '' when it is not known any more.
local function owner_of(upload)
  local row = redis.call('HMGET', named('upload', upload), 'pool', 'client')
  return row[1] and row[1] .. '/' .. row[2] or ''
end

-- Keep the counts of tail bytes in step with a tail that has now this size. Its owner stands with
-- it: the upload itself may be gone before its tail is counted out.
local function tail_becomes(upload, size)
  local row = redis.call('HGET', named('tails'), upload) or ''
  local before = tonumber(string.match(row, '^%d+') or 0)
  local owner = string.match(row, '^%d+ (.*)$') or owner_of(upload)
  if size == 0 then
    redis.call('HDEL', named('tails'), upload)
    redis.call('DEL', named('tail', upload))
  else
    redis.call('HSET', named('tails'), upload, size .. ' ' .. owner)
  end
  if size == before then
    return
  end
  redis.call('INCRBY', named('tail_bytes'), size - before)
  if redis.call('HINCRBY', named('owner_tails'), owner, size - before) <= 0 then
    redis.call('HDEL', named('owner_tails'), owner)
  end
end

-- Let what is kept of an upload be dropped at a time, ms, and be the upload's no more.
local function pass_kept(upload, time)
  local id = redis.call('HGET', named('upload', upload), 'kept_id')
  if id then
    redis.call('ZADD', named('kept'), time, id)
    redis.call('HDEL', named('upload', upload), 'kept', 'kept_id')
  end
end

-- Drop what an upload that has ended does not need any more.
local function close_upload(upload)
  redis.call('ZREM', named('ends'), upload)
  redis.call('ZREM', named('open', owner_of(upload)), upload)
  redis.call('HDEL', named('upload', upload), 'busy', 'body', 'session')
  pass_kept(upload, read_clock())
  tail_becomes(upload, 0)
end
