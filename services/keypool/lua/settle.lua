-- Count outcomes and act on their verdicts, each lease once.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 epoch      withdrawal epoch that the caller knows
--       2 outcomes   JSON: rows of
--                    {lease or '', report or '', key, project or '', model,
--                     'succeeded' | 'failed' | 'unused' | 'abandoned',
--                     'none' | 'kill-key' | 'cool-model' | 'cool-project' | 'model-absent',
--                     ms to cool, 1 when guessed, 1 when the quota day bounds it, rule}
--       3 midnights  JSON: the next ends of the quota day, ms, ascending
-- Reply {kinds, withdrawals}
--       kinds        'settled' | 'repeated' | 'late' | 'unknown', one for each outcome
--       withdrawals  {epoch, 1 when all is withdrawn, withdrawn...}
-- Keeps An outcome counts when its lease is open, or lapsed unsettled not long ago, and
--       only then: settling removes the lease. A report counts once. Cool-downs only
--       ever extend, save that a success ends one that was guessed.

local REPORT_MS = 3600000

local known_epoch = tonumber(ARGV[1])
local outcomes = cjson.decode(ARGV[2])
local midnights = cjson.decode(ARGV[3])
local now = read_clock()

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

local function place(model, project, state)
  write_state(model, project, state, now)
  -- XX: a project that the model has not met yet enters by the cursor.
  redis.call('ZADD', named('order', model), 'XX', score_of(state), project)
end

local function return_place(key_id, model, project)
  local state = read_state(model, project)
  if state.rank > 0 then
    -- A rank that was forgotten is that of a project idle for long: it goes next anyway.
    state.rank = returned(state.rank)
    place(model, project, state)
  end
  local live = named('live', project)
  local rank = redis.call('ZSCORE', live, key_id)
  if rank then
    redis.call('ZADD', live, returned(tonumber(rank)), key_id)
  end
end

local function end_guess(model, project)
  local state = read_state(model, project)
  if state.cool_until > now and bit.band(state.flags, GUESSED) ~= 0 then
    state.cool_until, state.flags = 0, 0
    place(model, project, state)
  end
end

local function cool_model(model, project, cool_until, flags)
  local state = read_state(model, project)
  if cool_until <= math.max(now, state.cool_until) then
    return
  end
  if state.rank == 0 then
    local score = tonumber(redis.call('ZSCORE', named('order', model), project) or 0)
    state.rank = score <= now and score or 0
  end
  state.cool_until, state.flags = cool_until, flags
  place(model, project, state)
  withdraw(now, 'm' .. project .. '/' .. model)
end

local function cool_project(project, cool_until)
  if cool_until <= math.max(now, project_cool_until(project)) then
    return
  end
  redis.call('HSET', named('project', project), 'cool_until', text(cool_until))
  local keys = redis.call('ZRANGE', named('live', project), 0, JOURNAL_SIZE)
  for index, key_id in ipairs(keys) do
    keys[index] = 'k' .. key_id
  end
  withdraw(now, unpack(keys))
end

local function kill(key_id, project, rule)
  local name = named('key', key_id)
  local state = redis.call('HGET', name, 'state')
  if state == 'active' or state == 'paused' then
    redis.call('HSET', name, 'state', 'dead', 'dead_reason', rule)
    delist(key_id, project, now)
  end
end

local function end_of_cooling(ms, is_day)
  local cool_until = now + ms
  if is_day then
    for _, midnight in ipairs(midnights) do
      if midnight > now then
        return math.min(cool_until, midnight)
      end
    end
  end
  return cool_until
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

local function apply(key_id, project, model, outcome, effect, ms, is_guess, is_day, rule)
  if outcome == 'unused' then
    return_place(key_id, model, project)
    return
  end
  count_outcome(key_id, outcome)
  if outcome == 'succeeded' then
    end_guess(model, project)
  elseif effect == 'kill-key' then
    kill(key_id, project, rule)
  elseif effect == 'cool-model' then
    cool_model(model, project, end_of_cooling(ms, is_day), is_guess and GUESSED or 0)
  elseif effect == 'model-absent' then
    cool_model(model, project, end_of_cooling(ms, is_day), ABSENT)
  elseif effect == 'cool-project' then
    cool_project(project, end_of_cooling(ms, is_day))
  end
end

local kinds = {}
for index, row in ipairs(outcomes) do
  local lease, report, key_id, project, model, outcome, effect, ms, guess, day, rule = unpack(row)
  local kind
  if lease ~= '' then
    kind = claim_lease(lease, key_id)
  else
    kind = claim_report(report, key_id)
    project = redis.call('HGET', named('key', key_id), 'project')
  end
  if kind == 'settled' or kind == 'late' then
    apply(key_id, project, model, outcome, effect, ms, guess == 1, day == 1, rule)
  end
  kinds[index] = kind
end
return { kinds, withdrawals_since(known_epoch) }
