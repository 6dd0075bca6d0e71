-- Grant leases of one model, in the order of the rotation, within all limits.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 request    name under which the reply is kept for a repeated call
--       2 keep       how long it is kept, ms
--       3 model
--       4 count      leases wanted
--       5 start      ms until the request must have started
--       6 end        ms until a lease lapses
--       7 client
--       8 sealed by  what the secrets that the caller can read begin with, one after another
--       9 epoch      withdrawal epoch that the caller knows
--      10 wishes     JSON: projects and keys to leave out, required project, cited resources,
--                    tokens of each request, 1 when free, ms held in stock, ms to wait at most,
--                    hash to prefer by with its points on the ring, numbers of the client's
--                    failed leases that these replace
--      11 calendar   JSON: ends of the quota day, slack
-- Reply {leases, refusal, withdrawals, now, limited}
--       leases       rows of {lease, key, project, alias, sealed secret, sealed proxy, use by,
--                    end, not before or '', tags as JSON or ''}
--       refusal      {} or {reason, retry at or '', target project or ''}
--       withdrawals  {epoch, 1 when all is withdrawn, withdrawn...}
--       limited      1 when a limit is in force for what was granted
-- Keeps What is granted is open: each lease stands in `leases` of its key until it is
--       settled or lapses. In no minute and no day is more granted to a project than its
--       limits allow, and to a key no more at a time. Among the projects that may be used,
--       the turns that were taken and not returned differ by at most one. A repeated
--       request grants nothing.
--
-- In parts, which the loader puts together: this one reads what is asked for, acquire_gate
-- tells who may serve, acquire_rotation chooses, acquire_affinity prefers, acquire_waiting
-- reserves, acquire_refusal explains, acquire_answer writes back and answers.

local request, keep, model = ARGV[1], ARGV[2], ARGV[3]
local count, to_start, to_end = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local client, seals, known_epoch = ARGV[7], ARGV[8], tonumber(ARGV[9])
local wishes = cjson.decode(ARGV[10])
local tokens, is_free = wishes.tokens, wishes.free == 1

local order, progress = named('order', model), named('progress', model)
local mark = redis.call('HMGET', progress, 'cursor', 'turn')
local cursor, turn = tonumber(mark[1] or 0), tonumber(mark[2] or 0)
local now = math.max(pool_clock(), math.floor(turn))

local excluded_project, excluded_key = {}, {}
for _, project in ipairs(wishes.projects) do excluded_project[project] = true end
for _, key_id in ipairs(wishes.keys) do excluded_key[key_id] = true end

-- So long is what a sealed secret begins with.
local MARK = 5

-- What a grant needs to know of a key, nil when the caller cannot read its secret.
local function read_key(key_id)
  local row = redis.call(
    'HMGET', named('key', key_id), 'secret', 'alias', 'proxy', 'max_in_flight', 'priority',
    'end', 'tags')
  if row[1] and string.find(seals, string.sub(row[1], 1, MARK), 1, true) then
    return {
      secret = row[1] .. (row[6] or ''), alias = row[2], proxy = row[3] or '',
      room = tonumber(row[4] or 0), priority = tonumber(row[5] or 0), tags = row[7] or '',
    }
  end
end

local function lease_row(lease, key_id, project, held, use_by, expires, not_before)
  return {
    lease, key_id, project, held.alias, held.secret, held.proxy, text(use_by), text(expires),
    not_before and text(not_before) or '', held.tags,
  }
end

-- A repeated call gets the leases of the first one, with the secrets read anew.

local function repeated(packed)
  local rows = {}
  local reply = cmsgpack.unpack(packed)
  for _, lease in ipairs(reply.leases) do
    local held = read_key(lease[2])
    if held then
      rows[#rows + 1] = lease_row(
        lease[1], lease[2], lease[3], held, lease[4], lease[5], lease[6])
    end
  end
  return { rows, reply.refusal, withdrawals_since(known_epoch), text(now), reply.limited }
end

local reply_name = named('reply', request)
local packed = redis.call('GET', reply_name)
if packed then
  return repeated(packed)
end

-- A client's own limits come before all others. Free calls are no requests of theirs.

local wanted, client_until, replaced = count, nil, 0
local client_cell = not is_free and clients.read(client, now, day_at(calendar.ends, now)) or nil
if client_cell then
  replaced = clients.take_back(client_cell, wishes.replaces, count)
  count, client_until = clients.gate(client_cell, count, now)
  if count == 0 then
    return {
      {}, { 'CLIENT_LIMIT', text(client_until), '' }, withdrawals_since(known_epoch), text(now), 1,
    }
  end
end
