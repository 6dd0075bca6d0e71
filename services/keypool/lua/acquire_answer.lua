-- Last part of acquire: grant, write back, answer.

local function write_back()
  local scores = {}
  for project, view in pairs(touched) do
    save(view.state, view.limits, now)
    scores[#scores + 1] = text(place_of(view, (key_of(view)) and 'ok' or 'full'))
    scores[#scores + 1] = project
    local ranks = {}
    for _, key in ipairs(view.keys) do
      if key.granted then
        lapse(key.id, now)
        ranks[#ranks + 1] = text(key.rank)
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
local last_number

local function number_leases()
  local counters = named('counters')
  local last = redis.call('HINCRBY', counters, 'lease', #leases)
  if last == #leases then
    last = now * 1000 + #leases
  end
  redis.call('HSET', counters, 'lease', text(last), 'clock', text(now))
  last_number = last
  local pool = string.match(prefix, '{(.*)}')
  local rows, kept = {}, {}
  for index, lease in ipairs(leases) do
    local number = text(last - #leases + index)
    local key, from = lease.key, math.ceil(lease.from)
    local use_by, expires = from + to_start, from + to_end
    local charged = is_free and 0 or math.ceil(lease.from + wishes.hold)
    local tail = table.concat({ text(from), text(charged), text(tokens), text(lease.day_end) }, '.')
    local id = table.concat(
      { number, pool, model, lease.project, key.id, client, tail }, '/')
    local not_before = from > now and from
    redis.call('ZADD', named('leases', key.id), expires, id)
    if not_before then
      note_ahead(id, from)
    end
    rows[index] = lease_row(id, key.id, lease.project, key.held, use_by, expires, not_before)
    kept[index] = { id, key.id, lease.project, use_by, expires, not_before }
    if key.granted then
      redis.call('PEXPIRE', named('leases', key.id), LEASES_MS + wishes.wait)
      key.granted = nil
    end
  end
  return rows, kept
end

-- Whether a limit is in force for what was granted, so that no stock of it may be kept.
local function has_limits()
  for _, view in pairs(touched) do
    if is_limited(view.limits) or has(view.state, HALF_OPEN) then
      return 1
    end
    for _, key in ipairs(view.keys) do
      if key.held and key.held.room > 0 then
        return 1
      end
    end
  end
  return 0
end

local refused
local project, splits, votes = required_project()
if splits then
  refused = split_refusal(votes)
elseif project ~= '' then
  refused = grant_from(project)
else
  admit()
  grant_to_favourites()
  local cut_short = #leases < count and is_cut_short()
  if #leases < count and not cut_short then
    reserve()
  end
  refused = cut_short
end

local rows, kept = {}, {}
if #leases > 0 then
  write_back()
  rows, kept = number_leases()
  remember_favourite()
end
if type(refused) == 'boolean' then
  refused = refusal(refused)
end
if client_cell and #leases > 0 then
  -- What was taken back and not replaced stays charged.
  clients.charge(client_cell, math.max(#leases, replaced), last_number, now)
  if #leases == count and count < wanted then
    refused = { 'CLIENT_LIMIT', text(client_until), '' }
  end
end
local limited = is_free and 0 or has_limits()
if #leases > 0 then
  local reply = cmsgpack.pack({ leases = kept, refusal = refused, limited = limited })
  redis.call('SET', reply_name, reply, 'PX', keep)
end
return { rows, refused, withdrawals_since(known_epoch), text(now), limited }
