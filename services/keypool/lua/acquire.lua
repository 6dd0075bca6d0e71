-- Grant leases of one model, in the order of the rotation.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 request    name under which the reply is kept for a repeated call
--       2 keep       how long it is kept, ms
--       3 model
--       4 count      leases wanted
--       5 start      ms until the request must have started
--       6 end        ms until a lease lapses
--       7 client
--       8 sealed by  what the secrets that the caller can read begin with
--       9 epoch      withdrawal epoch that the caller knows
--      10 wishes     JSON: projects and keys to leave out, required project, cited resources
-- Reply {leases, refusal, withdrawals, now}
--       leases       rows of {lease, key, project, alias, sealed secret, sealed proxy, use by, end}
--       refusal      {} or {reason, retry at or '', target project or ''}
--       withdrawals  {epoch, 1 when all is withdrawn, withdrawn...}
-- Keeps What is granted is open: each lease stands in `leases` of its key until it is
--       settled or lapses. Among the projects that may be used, the turns that were
--       taken and not returned differ by at most one. A repeated request grants nothing.
--
-- In three parts, which the loader puts together: this one reads what is asked for,
-- acquire_rotation chooses and grants, acquire_answer writes back and answers.

local request, keep, model = ARGV[1], ARGV[2], ARGV[3]
local count, to_start, to_end = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local client, seal, known_epoch = ARGV[7], ARGV[8], tonumber(ARGV[9])
local wishes = cjson.decode(ARGV[10])

local order, progress = named('order', model), named('progress', model)
local mark = redis.call('HMGET', progress, 'cursor', 'turn')
local cursor, turn = tonumber(mark[1] or 0), tonumber(mark[2] or 0)
-- A clock that was set back stands still until it has caught up.
local now = math.max(read_clock(), math.floor(turn))

local excluded_project, excluded_key = {}, {}
for _, project in ipairs(wishes.projects) do excluded_project[project] = true end
for _, key_id in ipairs(wishes.keys) do excluded_key[key_id] = true end

local function secret_of(key_id)
  local row = redis.call('HMGET', named('key', key_id), 'secret', 'alias', 'proxy')
  if row[1] and string.sub(row[1], 1, #seal) == seal then
    return { secret = row[1], alias = row[2], proxy = row[3] or '' }
  end
end

local function lease_row(lease, key_id, project, held, use_by, expires)
  return {
    lease, key_id, project, held.alias, held.secret, held.proxy, text(use_by), text(expires),
  }
end

-- A repeated call gets the leases of the first one, with the secrets read anew.

local function repeated(packed)
  local rows = {}
  local reply = cmsgpack.unpack(packed)
  for _, lease in ipairs(reply.leases) do
    local held = secret_of(lease[2])
    if held then
      rows[#rows + 1] = lease_row(lease[1], lease[2], lease[3], held, lease[4], lease[5])
    end
  end
  return { rows, reply.refusal, withdrawals_since(known_epoch), text(now) }
end

local reply_name = named('reply', request)
local packed = redis.call('GET', reply_name)
if packed then
  return repeated(packed)
end
