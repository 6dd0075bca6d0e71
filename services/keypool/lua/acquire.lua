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
--      10 tokens     of each request
--      11 free       1 when requests use no quota
--      12 hold       ms that a lease may lie in stock
--      13 wait       ms that the caller can wait for a slot ahead, at most
--      14 wishes     '' or JSON: projects and keys to leave out, required project, cited
--                    resources, hash to prefer by with its points on the ring, numbers of
--                    the client's failed leases that these replace
--      15 calendar   see quota
-- Reply {leases, refusal, withdrawals, limited, now}
--       leases       rows of {lease, key, project, alias, sealed secret, sealed proxy, use by,
--                    end, not before or '', tags as JSON or ''}
--       refusal      {} or {reason, retry at or '', target project or ''}
--       withdrawals  {epoch, 1 when all is withdrawn, withdrawn...}
--       limited      1 when a limit is in force for what was granted
-- Keeps What is granted is open: each lease stands in `leases` of its key until it is
--       settled or lapses. In no minute and no day is more granted to a project than its
--       limits allow, and to a key no more at a time. Projects that may be used all the time
--       get turns in proportion to their weights, to within one weight; where those are
--       equal, turns that were taken and not returned differ by at most one. A repeated
--       request grants nothing.
--
-- In parts, which the loader puts together: this one reads what is asked for, acquire_gate
-- tells who may serve, acquire_rotation chooses, acquire_answer writes back and answers. Most
-- calls end there. For the others acquire_affinity prefers, acquire_waiting reserves,
-- acquire_refusal explains, and acquire_choice decides which of them is asked.

local request, keep, model = ARGV[1], ARGV[2], ARGV[3]
local count, to_start, to_end = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local client, seals, known_epoch = ARGV[7], ARGV[8], tonumber(ARGV[9])
local tokens, is_free = tonumber(ARGV[10]), ARGV[11] == '1'
local hold, wait = tonumber(ARGV[12]), tonumber(ARGV[13])
local wishes = ARGV[14] ~= '' and cjson.decode(ARGV[14])
  or { projects = {}, keys = {}, resources = {}, required = '', replaces = {} }

read_counters(model)
local order = named('order', model)
local now = pool_clock()

local excluded_project, excluded_key = {}, {}
for _, project in ipairs(wishes.projects) do excluded_project[project] = true end
for _, key_id in ipairs(wishes.keys) do excluded_key[key_id] = true end

-- So long is what a sealed secret begins with.
local MARK = 5

-- What a grant needs to know of a key, nil when the caller cannot read its secret.
local function read_key(key_id)
  local row = redis.call(
    'HMGET', named('key', key_id), 'secret', 'end', 'alias', 'proxy', 'max_in_flight', 'priority',
    'tags')
  if row[1] and string.find(seals, string.sub(row[1], 1, MARK), 1, true) then
    return {
      secret = row[1] .. (row[2] or ''), alias = row[3], proxy = row[4] or '',
      room = tonumber(row[5] or 0), priority = tonumber(row[6] or 0), tags = row[7] or '',
    }
  end
end

local function lease_row(lease, key_id, project, held, from)
  return {
    lease, key_id, project, held.alias, held.secret, held.proxy, from + to_start, from + to_end,
    from > now and from or '', held.tags,
  }
end

-- Project, key, and the first time at which the request may start.
local FROM_LEASE = '^%d+/[^/]*/[^/]*/([^/]*)/([^/]*)/[^/]*/(%d+)'

-- A repeated call gets the leases of the first one, with the secrets read anew.
local function repeated(packed)
  local rows, ids, refused, limited = {}, nil, nil, nil
  local told_now = now
  ids, refused, limited, now, to_start, to_end = unpack(cmsgpack.unpack(packed))
  for _, lease in ipairs(ids) do
    local project, key_id, from = string.match(lease, FROM_LEASE)
    local held = read_key(key_id)
    if held then
      rows[#rows + 1] = lease_row(lease, key_id, project, held, tonumber(from))
    end
  end
  return { rows, refused, withdrawals_since(known_epoch), limited, told_now }
end

local reply_name = named('reply', request)
local packed = redis.call('GET', reply_name)
if packed then
  return repeated(packed)
end

-- A client's own limits come before all others. Free calls are no requests of theirs.

local wanted, client_until, replaced = count, nil, 0
local limited_client = not is_free and open_client(client, now, next_midnight(now)) or nil
if limited_client then
  replaced = limited_client.take_back(wishes.replaces, count)
  count, client_until = limited_client.gate(count)
  if count == 0 then
    return { {}, { 'CLIENT_LIMIT', client_until, '' }, withdrawals_since(known_epoch), 1, now }
  end
end
