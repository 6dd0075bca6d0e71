-- Count outcomes and act on their verdicts, each lease once.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 epoch      withdrawal epoch that the caller knows
--       2 outcomes   JSON: rows of
--                    {lease or '', report or '', key, project or '', model,
--                     'succeeded' | 'failed' | 'unused' | 'abandoned',
--                     'none' | 'kill-key' | 'cool-model' | 'cool-project' | 'model-absent',
--                     ms to cool, 1 when guessed, 1 when the quota day bounds it, rule, client,
--                     {input, output, cached and thought tokens} or {}, start ms or 0,
--                     1 when it was not sent, limits told: {a minute, tokens, a day} or 0 each,
--                     1 when it failed through no fault of its client and is being replaced}
--       3 calendar   JSON: ends of the quota day, slack
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

local function claim_lease(lease, key_id)
  local expires = redis.call('ZSCORE', named('leases', key_id), lease)
  if expires then
    redis.call('ZREM', named('leases', key_id), lease)
    return tonumber(expires) > now and 'settled' or 'late'
  elseif redis.call('ZREM', named('lapsed', key_id), lease) == 1 then
    return 'late'
  elseif redis.call('EXISTS', named('key', key_id)) == 1 then
    return 'repeated'
  end
  return 'unknown'
end

local function claim_report(report, key_id)
  if redis.call('EXISTS', named('key', key_id)) == 0 then
    return 'unknown'
  elseif redis.call('SET', named('report', report), 1, 'NX', 'PX', REPORT_MS) then
    return 'settled'
  end
  return 'repeated'
end

local function count_outcome(key_id, outcome)
  local name = named('key', key_id)
  redis.call('HSET', name, 'last_use', text(now))
  if outcome == 'succeeded' then
    redis.call('HINCRBY', name, 'successes', 1)
  elseif outcome == 'failed' then
    redis.call('HINCRBY', name, 'failures', 1)
  end
end

-- Until when a model cools, and as what.
local function cooling_of(row, held, charged)
  local midnight = held.state.day_end
  if row.is_day then
    return climb(held, charged, row.ms, midnight, DAY_PROBES), HALF_OPEN
  elseif row.is_guess then
    return climb(held, charged, BARE_MS, now + LONGEST_BARE_MS), GUESSED + HALF_OPEN
  end
  return now + row.ms, 0
end

local function punish(row, held, charged)
  if row.effect == 'cool-model' then
    learn(held, row.limits)
    cool_model(held, cooling_of(row, held, charged))
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

local function leave_queue(lease, model, charged)
  if charged.granted > now then
    local holder = string.match(lease, '([^/]+)/[^/]+$')
    redis.call('ZREM', named('ahead', model), lease)
    redis.call('ZREM', named('ahead', model .. '/' .. holder), lease)
  end
end

local function apply(row)
  local held = open_state(row.model, row.project)
  local charged = charge_of(row.lease)
  if row.lease == '' then
    charged.granted = now
    if row.outcome ~= 'unused' then
      charge_report(held, row.started > 0 and row.started or now, row.tokens[1])
    end
  elseif charged.at > 0 then
    if row.outcome == 'unused' or row.is_unsent then
      refund(held, charged)
    else
      reconcile(held, charged, row.started > 0 and row.started or charged.at, row.tokens[1])
    end
  end
  if row.lease ~= '' then
    release(row.project)
  end
  if row.outcome == 'unused' then
    leave_queue(row.lease, row.model, charged)
    return_turn(held, row.key, row.project)
    return
  end
  count_outcome(row.key, row.outcome)
  if row.outcome == 'succeeded' and (charged.at > 0 or row.lease == '') then
    succeed(held, charged)
  elseif row.outcome == 'failed' then
    punish(row, held, charged)
  end
end

-- Limited clients of this call; false for those without limits.
local client_cells = {}

local function client_cell(client)
  local cell = client_cells[client]
  if cell == nil then
    cell = clients.read(client, now, day_at(calendar.ends, now)) or false
    client_cells[client] = cell
  end
  return cell
end

-- Give back what a lease has charged its client, or let the try that replaces it do so.
local function return_charge(row)
  local gives_back = row.outcome == 'unused' or row.is_unsent
  if row.lease == '' or not (gives_back or row.is_replaced) or charge_of(row.lease).at == 0 then
    return
  end
  -- A lease of a stock was charged to nobody, whoever used it in the end.
  local number, holder = string.match(row.lease, '^(%d+)/.*/([^/]+)/[^/]+$')
  local cell = client_cell(holder)
  if not cell then
    return
  elseif gives_back then
    clients.refund(cell, tonumber(number))
  else
    clients.note_failed(cell, tonumber(number))
  end
end

local function account(row)
  return_charge(row)
  if row.outcome == 'unused' then
    return
  end
  note_usage(row.key, row.client, row.model, row.outcome, row.tokens)
  local cell = client_cell(row.client)
  if cell and row.tokens[1] then
    clients.spend(cell, row.tokens[1] + row.tokens[2] + row.tokens[4])
  end
end

local function read_row(fields)
  return {
    lease = fields[1], report = fields[2], key = fields[3], project = fields[4],
    model = fields[5], outcome = fields[6], effect = fields[7], ms = fields[8],
    is_guess = fields[9] == 1, is_day = fields[10] == 1, rule = fields[11], client = fields[12],
    tokens = fields[13], started = fields[14], is_unsent = fields[15] == 1, limits = fields[16],
    is_replaced = fields[17] == 1,
  }
end

local kinds = {}
for index, fields in ipairs(outcomes) do
  local row = read_row(fields)
  local kind
  if row.lease ~= '' then
    kind = claim_lease(row.lease, row.key)
    row.project = resolve_project(row.project)
  else
    kind = claim_report(row.report, row.key)
    row.project = redis.call('HGET', named('key', row.key), 'project')
  end
  if kind == 'settled' or kind == 'late' then
    apply(row)
    account(row)
  end
  kinds[index] = kind
end
redis.call('HSET', named('counters'), 'clock', text(now))
write_states()
write_usage(now, day_at(calendar.ends, now))
return { kinds, withdrawals_since(known_epoch), frozen_now }
