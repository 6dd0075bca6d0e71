-- Third part of acquire: what was granted is written back, what was not is explained.

local SCAN = 64

local function write_back()
  local scores = {}
  for project, view in pairs(touched) do
    scores[#scores + 1] = score_of(view.state)
    scores[#scores + 1] = project
    write_state(model, project, view.state, now)
    local ranks = {}
    for _, key in ipairs(view.keys) do
      if key.granted then
        lapse(key.id, now)
        ranks[#ranks + 1] = key.rank
        ranks[#ranks + 1] = key.id
      end
    end
    redis.call('ZADD', named('live', project), unpack(ranks))
  end
  add_in_chunks(order, scores)
  redis.call('HSET', progress, 'turn', text(turn))
  keep_model(model)
end

-- Leases are numbered from the time on, so that a number never comes back, even after
-- all data was lost.
local function number_leases()
  local counters = named('counters')
  local last = redis.call('HINCRBY', counters, 'lease', #leases)
  if last == #leases then
    last = now * 1000 + #leases
    redis.call('HSET', counters, 'lease', text(last))
  end
  local pool = string.match(prefix, '{(.*)}')
  local use_by, expires = now + to_start, now + to_end
  local rows, kept = {}, {}
  for index, lease in ipairs(leases) do
    local number = text(last - #leases + index)
    local key = lease.key
    local id = table.concat({ number, pool, model, lease.project, key.id, client }, '/')
    redis.call('ZADD', named('leases', key.id), expires, id)
    rows[index] = lease_row(id, key.id, lease.project, key.held, use_by, expires)
    kept[index] = { id, key.id, lease.project, use_by, expires }
    if key.granted then
      redis.call('PEXPIRE', named('leases', key.id), LEASES_MS)
      key.granted = nil
    end
  end
  return rows, kept
end

-- Why nothing could be granted, and when asking again can help. Reads what was written.

local function first_usable(but)
  local rows = redis.call(
    'ZRANGEBYSCORE', order, '-inf', '(' .. text(now + 1), 'LIMIT', 0, 16)
  for _, project in ipairs(rows) do
    if project ~= but and gate(project) == 'ok' then
      return project
    end
  end
  return ''
end

local function refusal_of_order()
  local earliest, is_absent, is_out = nil, false, false
  local rows = redis.call(
    'ZRANGEBYSCORE', order, '(' .. text(now), '+inf', 'LIMIT', 0, SCAN)
  for _, project in ipairs(rows) do
    local answer, cool_until = gate(project)
    if answer == 'ok' then
      -- It waits for a time that has been lifted meanwhile.
      cool_until, answer = now, 'cool'
    end
    if answer == 'cool' then
      local state = views[project].state
      if state.cool_until > now and bit.band(state.flags, ABSENT) ~= 0 then
        is_absent = true
      else
        earliest = math.min(earliest or cool_until, cool_until)
      end
    end
  end
  if earliest then
    return { 'QUOTA', text(earliest), '' }
  elseif is_absent then
    return { 'MODEL_ABSENT', '', '' }
  end
  return { 'NO_LIVE_KEY', '', '' }
end

local function refusal(cut_short)
  if #leases == count then
    return {}
  elseif cut_short then
    return { 'AGAIN', text(now), '' }
  elseif redis.call('ZCARD', named('key_ids')) == 0 then
    return { 'POOL_EMPTY', '', '' }
  end
  return refusal_of_order()
end

-- Cited resources and a required project leave one project at most.

local function required_project()
  local project, splits = wishes.required, false
  local votes = {}
  for _, resource in ipairs(wishes.resources) do
    local bound = redis.call('GET', named('binding', resource))
    if bound then
      local owner = cjson.decode(bound).project
      votes[owner] = (votes[owner] or 0) + 1
      if project == '' then
        project = owner
      elseif project ~= owner then
        splits = true
      end
    end
  end
  return project, splits, votes
end

local function split_refusal(votes)
  local target, most = '', 0
  for project, number in pairs(votes) do
    if gate(project) == 'ok' and (number > most or (number == most and project < target)) then
      target, most = project, number
    end
  end
  if wishes.required ~= '' and gate(wishes.required) == 'ok' then
    target = wishes.required
  end
  if target == '' then
    admit()
    target = first_usable('')
  end
  return { 'RESOURCES_SPLIT', '', target }
end

local function grant_from(project)
  local answer, cool_until = gate(project)
  if answer == 'ok' then
    if views[project].state.rank == 0 then
      local score = tonumber(redis.call('ZSCORE', order, project) or newcomer(now))
      views[project].state.rank = math.min(score, now)
    end
    for _ = 1, count do
      grant(project)
    end
    return {}
  end
  if redis.call('ZCARD', named('key_ids')) == 0 then
    return { 'POOL_EMPTY', '', '' }
  end
  admit()
  local retry_at = answer == 'cool' and text(cool_until) or ''
  return { 'OWNER_SPENT', retry_at, first_usable(project) }
end

local refused
local project, splits, votes = required_project()
if splits then
  refused = split_refusal(votes)
elseif project ~= '' then
  refused = grant_from(project)
else
  admit()
  refused = is_cut_short()
end

local rows, kept = {}, {}
if #leases > 0 then
  write_back()
  rows, kept = number_leases()
end
if type(refused) == 'boolean' then
  refused = refusal(refused)
end
if #leases > 0 then
  redis.call('SET', reply_name, cmsgpack.pack({ leases = kept, refusal = refused }), 'PX', keep)
end
return { rows, refused, withdrawals_since(known_epoch), text(now) }
