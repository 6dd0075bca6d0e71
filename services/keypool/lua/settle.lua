-- Count outcomes and act on their verdicts, each lease once.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 epoch      withdrawal epoch that the caller knows
--       2 outcomes   JSON: rows of
--                    {lease or '', 'succeeded' | 'failed' | 'unused' | 'abandoned', client,
--                     start ms or 0, {input, output, cached and thought tokens} or {},
--                     more or nothing}
--                    more, for failures and reports:
--                    {report, key and model for a use without a lease; effect: 'none' |
--                     'kill-key' | 'cool-model' | 'cool-project' | 'model-absent'; ms to cool,
--                     is_guess, is_day when the quota day bounds it, rule, is_unsent, limits
--                     told: {a minute, tokens, a day} or 0 each; is_replaced when it failed
--                     through no fault of its client and is tried again}
--       3 calendar   see quota
-- Reply {kinds, withdrawals, frozen}
--       kinds        'settled' | 'repeated' | 'late' | 'unknown', one for each outcome
--       withdrawals  {epoch, 1 when all is withdrawn, withdrawn...}
--       frozen       rules that were found to meet many keys at once
-- Keeps An outcome counts when its lease is open, or lapsed unsettled not long ago, and
--       only then: settling removes the lease. A report counts once. What is given back was
--       charged for this lease. Cool-downs only ever extend, save that a success ends one
--       that was guessed.
--
-- In parts, which the loader puts together: settle_effects changes states and settle_guard
-- doubts; this one, the last, decides.

local REPORT_MS = 3600000
-- A quota error without a delay: seldom more than a minute's limit.
local BARE_MS = 15000
local LONGEST_BARE_MS = 65000
-- So often is a day's limit doubted that ends sooner than the day.
local DAY_PROBES = 2

local known_epoch = tonumber(ARGV[1])
local outcomes = cjson.decode(ARGV[2])

-- Key -> number of a lease of this call -> when it lapses; each is found once. The leases of a key
-- are looked up and removed together.
local claimed = {}

local function claim_open(rows)
  local by_key = {}
  for _, row in ipairs(rows) do
    if row.lease then
      local numbers = by_key[row.key] or {}
      numbers[#numbers + 1] = row.number
      by_key[row.key] = numbers
    end
  end
  for key, numbers in pairs(by_key) do
    local open, ends, found = named('leases', key), {}, {}
    for at, expires in ipairs(redis.call('ZMSCORE', open, unpack(numbers))) do
      if expires then
        ends[numbers[at]] = tonumber(expires)
        found[#found + 1] = numbers[at]
      end
    end
    if #found > 0 then
      redis.call('ZREM', open, unpack(found))
    end
    claimed[key] = ends
  end
end

local function claim_lease(row)
  local ends = claimed[row.key]
  local expires = ends[row.number]
  if expires then
    ends[row.number] = nil
    return expires > now and 'settled' or 'late'
  elseif redis.call('ZREM', named('lapsed', row.key), row.number) == 1 then
    return 'late'
  elseif redis.call('EXISTS', named('key', row.key)) == 1 then
    return 'repeated'
  end
  return 'unknown'
end

local function claim_report(row)
  if redis.call('EXISTS', named('key', row.key)) == 0 then
    return 'unknown'
  elseif redis.call('SET', named('report', row.report), 1, 'NX', 'PX', REPORT_MS) then
    return 'settled'
  end
  return 'repeated'
end

-- Until when a model cools, and as what.
local function cooling_of(row, held)
  if row.is_day then
    return climb(held, row, row.ms, held.state.day_end, DAY_PROBES), HALF_OPEN
  elseif row.is_guess then
    return climb(held, row, BARE_MS, now + LONGEST_BARE_MS), GUESSED + HALF_OPEN
  end
  return now + row.ms, 0
end

local function punish(row, held)
  if row.effect == 'cool-model' then
    learn(held, row.limits)
    cool_model(held, cooling_of(row, held))
  elseif row.effect == 'model-absent' then
    cool_model(held, now + row.ms, ABSENT)
  elseif row.effect ~= 'none' and not is_frozen(row.rule, row.key) then
    if row.effect == 'kill-key' then
      kill(row.key, row.project, row.rule)
    elseif row.effect == 'cool-project' then
      cool_project(row.project, now + row.ms, row.key)
    end
  end
end

local function leave_queue(row)
  if row.granted > now then
    redis.call('ZREM', named('ahead', row.model), row.number)
    redis.call('ZREM', named('ahead', row.model .. '/' .. row.holder), row.number)
  end
end

local function apply(row)
  local held = open_state(row.model, row.project)
  if not row.lease then
    if row.outcome ~= 'unused' then
      charge_report(held, row.started > 0 and row.started or now, row.tokens[1])
    end
  elseif row.charged > 0 then
    if row.outcome == 'unused' or row.is_unsent then
      refund(held, row)
    else
      reconcile(held, row)
    end
  end
  local key = open_key(row.key)
  if row.lease and key.room > 0 then
    release(row.project)
  end
  if row.outcome == 'unused' then
    leave_queue(row)
    return_turn(held, row.key, row.project)
    return
  end
  count_outcome(key, row.outcome)
  if row.outcome == 'succeeded' and (not row.lease or row.charged > 0) then
    succeed(held, row)
  elseif row.outcome == 'failed' then
    punish(row, held)
  end
end

-- Clients of this call; false for those without limits.
local clients = {}

local function client_of(name)
  local client = clients[name]
  if client == nil then
    client = open_client(name, now, next_midnight(now)) or false
    clients[name] = client
  end
  return client
end

-- Give back what a lease has charged its client, or let the try that replaces it do so.
local function return_charge(row)
  local gives_back = row.outcome == 'unused' or row.is_unsent
  if not row.lease or row.charged == 0 or not (gives_back or row.is_replaced) then
    return
  end
  -- A lease of a stock was charged to nobody, whoever used it in the end.
  local holder = client_of(row.holder)
  if not holder then
    return
  elseif gives_back then
    holder.refund(tonumber(row.number))
  else
    holder.note_failed(tonumber(row.number))
  end
end

local function account(row)
  return_charge(row)
  if row.outcome == 'unused' then
    return
  end
  note_usage(row.key, row.client, row.model, row.outcome, row.tokens)
  local client = row.tokens[1] and client_of(row.client)
  if client then
    client.spend(row.tokens[1] + row.tokens[2] + row.tokens[4])
  end
end

-- Number, model, project, key, who acquired it, when it was granted, the time charged (0 for a
-- free call), tokens charged, and the end of the day charged.
local LEASE = '^(%d+)/[^/]*/([^/]*)/([^/]*)/([^/]*)/([^/]*)/(%d+)%.(%d+)%.(%d+)%.(%d+)$'

local function read_lease(row, lease)
  local granted, charged, reserved, day_end
  row.lease = lease
  row.number, row.model, row.project, row.key, row.holder, granted, charged, reserved, day_end =
    string.match(lease, LEASE)
  row.project = resolve_project(row.project)
  row.granted, row.charged = tonumber(granted), tonumber(charged)
  row.reserved, row.day_end = tonumber(reserved), tonumber(day_end)
end

local function read_row(fields)
  local row = fields[6] or {}
  local lease = fields[1]
  row.outcome, row.client, row.started, row.tokens = fields[2], fields[3], fields[4], fields[5]
  row.effect = row.effect or 'none'
  if lease ~= '' then
    read_lease(row, lease)
  else
    row.project = redis.call('HGET', named('key', row.key), 'project')
    row.granted = now
  end
  return row
end

local rows, kinds = {}, {}
for index, fields in ipairs(outcomes) do
  rows[index] = read_row(fields)
end
claim_open(rows)
for index, row in ipairs(rows) do
  local kind = row.lease and claim_lease(row) or claim_report(row)
  if kind == 'settled' or kind == 'late' then
    apply(row)
    account(row)
  end
  kinds[index] = kind
end
set_counter('clock', now)
write_states()
write_keys()
write_usage(now, next_midnight(now))
return { kinds, withdrawals_since(known_epoch), frozen_now }
