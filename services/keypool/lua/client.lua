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

-- The end of the quota day in which a time lies.
local function day_at(midnights, time)
  for _, midnight in ipairs(midnights) do
    if midnight > time then
      return midnight
    end
  end
  return midnights[#midnights]
end

-- One name for all of it: a script has at most 200.
local clients = {}

do
  local MINUTE_MS = 60000
  local LOG_SIZE = 64
  local FAILED_SIZE = 64

  -- What a client may use and has used, nil when it has no limits.
  function clients.read(client, now, day)
    local name = named('client', client)
    local row = redis.call(
      'HMGET', name, 'minute_limit', 'day_limit', 'token_limit', 'log', 'day', 'requests', 'tokens',
      'since', 'failed')
    if not row[1] then
      return nil
    end
    local cell = {
      name = name,
      minute_limit = tonumber(row[1]),
      day_limit = tonumber(row[2]),
      token_limit = tonumber(row[3]),
      log = {},
      failed = row[9] and cmsgpack.unpack(row[9]) or {},
      day = day,
      requests = 0,
      tokens = 0,
      since = 0,
      used = 0,
    }
    for _, entry in ipairs(row[4] and cmsgpack.unpack(row[4]) or {}) do
      if entry[1] + MINUTE_MS > now then
        cell.log[#cell.log + 1] = entry
        cell.used = cell.used + entry[2]
      end
    end
    -- A clock that was set back does not bring a day back.
    if tonumber(row[5] or 0) >= day then
      cell.day = tonumber(row[5])
      cell.requests, cell.tokens = tonumber(row[6]), tonumber(row[7])
      cell.since = tonumber(row[8])
    end
    return cell
  end

  local function write(cell)
    redis.call(
      'HSET', cell.name, 'log', cmsgpack.pack(cell.log), 'day', text(cell.day),
      'requests', text(cell.requests), 'tokens', text(cell.tokens), 'since', text(cell.since),
      'failed', cmsgpack.pack(cell.failed))
  end

  -- How many of `count` requests the client may make now, and when it may make one more.
  function clients.gate(cell, count, now)
    local allowed, retry_at = count, now
    if cell.minute_limit > 0 and cell.used + allowed > cell.minute_limit then
      allowed = math.max(0, cell.minute_limit - cell.used)
      retry_at = now + MINUTE_MS
      local left = cell.used + allowed
      for _, entry in ipairs(cell.log) do
        left = left - entry[2]
        if left < cell.minute_limit then
          retry_at = entry[1] + MINUTE_MS
          break
        end
      end
    end
    if cell.day_limit > 0 and cell.requests + allowed >= cell.day_limit then
      allowed, retry_at = math.max(0, cell.day_limit - cell.requests), cell.day
    end
    if cell.token_limit > 0 and cell.tokens >= cell.token_limit then
      allowed, retry_at = 0, cell.day
    end
    return allowed, retry_at
  end

  -- Charge `count` leases, whose numbers end with `last`.
  function clients.charge(cell, count, last, now)
    local newest, first = cell.log[#cell.log], last - count + 1
    local share = math.ceil(cell.minute_limit / LOG_SIZE)
    if newest and (newest[1] >= now or newest[2] + count <= share
        and now - newest[1] <= MINUTE_MS / LOG_SIZE) then
      newest[1], newest[2], newest[4] = math.max(newest[1], now), newest[2] + count, last
    elseif cell.minute_limit > 0 then
      cell.log[#cell.log + 1] = { now, count, first, last }
    end
    if cell.requests == 0 then
      cell.since = first
    end
    cell.requests = cell.requests + count
    write(cell)
  end

  local function uncharge(cell, number)
    for at, entry in ipairs(cell.log) do
      if entry[3] <= number and number <= entry[4] then
        entry[2] = entry[2] - 1
        cell.used = cell.used - 1
        if entry[2] == 0 then
          table.remove(cell.log, at)
        end
        break
      end
    end
    if cell.requests > 0 and number >= cell.since then
      cell.requests = cell.requests - 1
    end
  end

  -- Give the charge of a lease back where it still counts.
  function clients.refund(cell, number)
    uncharge(cell, number)
    write(cell)
  end

  function clients.note_failed(cell, number)
    cell.failed[#cell.failed + 1] = number
    if #cell.failed > FAILED_SIZE then
      table.remove(cell.failed, 1)
    end
    write(cell)
  end

  -- Take back the charges of failed tries that this call replaces, `most` at most; returns how
  -- many. Nothing is written before something is charged in their place.
  function clients.take_back(cell, numbers, most)
    local replaced, left, taken = {}, {}, 0
    for _, number in ipairs(numbers) do replaced[number] = true end
    for _, number in ipairs(cell.failed) do
      if replaced[number] and taken < most then
        uncharge(cell, number)
        taken = taken + 1
      else
        left[#left + 1] = number
      end
    end
    cell.failed = left
    return taken
  end

  function clients.spend(cell, tokens)
    cell.tokens = cell.tokens + tokens
    write(cell)
  end
end
