-- What a client may use: limits of our own, kept with what has been used of them.
--
-- A client without limits has no hash and costs one look. `day` is the end of the
-- quota day in ms, `since` the number of its first lease. The minute is a log of charges
-- in the order of time: {time, requests, number of the first lease, of the last}, which
-- count until a minute has passed. Where a limit is high, charges that lie close together
-- share an entry under the later time, so that no minute ever holds more than the limit,
-- and a log stays short. Leases are known by their numbers, which only grow.
--
-- A request of a client counts once, however often it is tried: `failed` are the last tries
-- that failed through no fault of the client. Whoever replaces one takes its charge back.

local CLIENT_MINUTE_MS = 60000
local CLIENT_LOG_SIZE = 64
local CLIENT_FAILED_SIZE = 64

-- A client with limits, nil for one without.
local function open_client(client, now, day)
  local name = named('client', client)
  local row = redis.call(
    'HMGET', name, 'minute_limit', 'day_limit', 'token_limit', 'log', 'day', 'requests', 'tokens',
    'since', 'failed')
  if not row[1] then
    return nil
  end
  local minute_limit, day_limit, token_limit = tonumber(row[1]), tonumber(row[2]), tonumber(row[3])
  local log, used, requests, tokens, since = {}, 0, 0, 0, 0
  local failed = row[9] and cmsgpack.unpack(row[9]) or {}
  for _, entry in ipairs(row[4] and cmsgpack.unpack(row[4]) or {}) do
    if entry[1] + CLIENT_MINUTE_MS > now then
      log[#log + 1] = entry
      used = used + entry[2]
    end
  end
  -- A clock that was set back does not bring a day back.
  if tonumber(row[5] or 0) >= day then
    day, requests, tokens, since =
      tonumber(row[5]), tonumber(row[6]), tonumber(row[7]), tonumber(row[8])
  end

  local function write()
    redis.call(
      'HSET', name, 'log', cmsgpack.pack(log), 'day', day, 'requests', requests,
      'tokens', tokens, 'since', since, 'failed', cmsgpack.pack(failed))
  end

  local function uncharge(number)
    for at, entry in ipairs(log) do
      if entry[3] <= number and number <= entry[4] then
        entry[2] = entry[2] - 1
        used = used - 1
        if entry[2] == 0 then
          table.remove(log, at)
        end
        break
      end
    end
    if requests > 0 and number >= since then
      requests = requests - 1
    end
  end

  local limited = {}

  -- How many of `count` requests the client may make now, and when it may make one more.
  function limited.gate(count)
    local allowed, retry_at = count, now
    if minute_limit > 0 and used + allowed > minute_limit then
      allowed = math.max(0, minute_limit - used)
      retry_at = now + CLIENT_MINUTE_MS
      local left = used + allowed
      for _, entry in ipairs(log) do
        left = left - entry[2]
        if left < minute_limit then
          retry_at = entry[1] + CLIENT_MINUTE_MS
          break
        end
      end
    end
    if day_limit > 0 and requests + allowed >= day_limit then
      allowed, retry_at = math.max(0, day_limit - requests), day
    end
    if token_limit > 0 and tokens >= token_limit then
      allowed, retry_at = 0, day
    end
    return allowed, retry_at
  end

  -- Charge `count` leases, whose numbers end with `last`.
  function limited.charge(count, last)
    local newest, first = log[#log], last - count + 1
    local share = math.ceil(minute_limit / CLIENT_LOG_SIZE)
    if newest and (newest[1] >= now or newest[2] + count <= share
        and now - newest[1] <= CLIENT_MINUTE_MS / CLIENT_LOG_SIZE) then
      newest[1], newest[2], newest[4] = math.max(newest[1], now), newest[2] + count, last
    elseif minute_limit > 0 then
      log[#log + 1] = { now, count, first, last }
    end
    if requests == 0 then
      since = first
    end
    requests = requests + count
    write()
  end

  -- Give the charge of a lease back where it still counts.
  function limited.refund(number)
    uncharge(number)
    write()
  end

  function limited.note_failed(number)
    failed[#failed + 1] = number
    if #failed > CLIENT_FAILED_SIZE then
      table.remove(failed, 1)
    end
    write()
  end

  -- Take back the charges of failed tries that this call replaces, `most` at most; returns how
  -- many. Nothing is written before something is charged in their place.
  function limited.take_back(numbers, most)
    local replaced, left, taken = {}, {}, 0
    for _, number in ipairs(numbers) do replaced[number] = true end
    for _, number in ipairs(failed) do
      if replaced[number] and taken < most then
        uncharge(number)
        taken = taken + 1
      else
        left[#left + 1] = number
      end
    end
    failed = left
    return taken
  end

  function limited.spend(more)
    tokens = tokens + more
    write()
  end

  return limited
end
