-- Fourth part of acquire: write back and answer.

-- So often an order is kept from ending.
local KEEP_MS = 3600000

local function write_back()
  for project, view in pairs(touched) do
    save(view.state, view.limits, now)
    -- A key without a limit of its own is never full.
    local is_ok = view.served.held.room == 0 or key_of(view)
    scores[#scores + 1] = place_of(view, is_ok and 'ok' or 'full')
    scores[#scores + 1] = project
    if view.keys[2] then
      local ranks = {}
      for _, key in ipairs(view.keys) do
        if key.is_moved then
          ranks[#ranks + 1] = key.rank
          ranks[#ranks + 1] = key.id
        end
      end
      redis.call('ZADD', named('live', project), unpack(ranks))
    end
  end
  for key_id in pairs(cluttered) do
    lapse(key_id)
  end
  add_in_chunks(order, scores)
  if #gone > 0 then
    redis.call('ZREM', order, unpack(gone))
  end
  if known.kept + KEEP_MS < now then
    redis.call('PEXPIRE', order, IDLE_MODEL_MS)
    known.kept = now
  end
end

-- Remember that a lease is a slot ahead, so that it counts in its client's share.
local function note_ahead(number, from)
  for _, name in ipairs({ model, model .. '/' .. client }) do
    redis.call('ZADD', named('ahead', name), from, number)
    redis.call('PEXPIREAT', named('ahead', name), now + wait + 60000)
  end
end

-- Leases are numbered from the time on, so that a number never comes back, even after
-- all data was lost. The number alone stands in `leases`: 9 bytes of a list.
local function number_leases()
  local number = counter('lease')
  if number == 0 then
    number = now * 1000
  end
  redis.call(
    'HSET', named('counters'), 'lease', number + #leases, 'clock', now, 'M/' .. model,
    pack_model(known))
  local pool = string.match(prefix, '{(.*)}')
  -- By key, so that the leases of a key are added together.
  local opened = {}
  local rows, ids = {}, {}
  local head, tails = '/' .. pool .. '/' .. model .. '/', {}
  for index, lease in ipairs(leases) do
    local key, from = lease.key, math.ceil(lease.from)
    local tail = tails[from]
    if not tail then
      local charged = is_free and 0 or math.ceil(lease.from + hold)
      tail = '/' .. client .. '/' .. from .. '.' .. charged .. '.' .. tokens .. '.'
      tails[from] = tail
    end
    number = number + 1
    ids[index] = text(number) .. head .. lease.project .. '/' .. key.id .. tail .. lease.day_end
    local entries = opened[key.id] or {}
    entries[#entries + 1] = from + to_end
    entries[#entries + 1] = number
    opened[key.id] = entries
    if from > now then
      note_ahead(number, from)
    end
    rows[index] = lease_row(ids[index], key.id, lease.project, key.held, from)
  end
  for key_id, entries in pairs(opened) do
    redis.call('ZADD', named('leases', key_id), unpack(entries))
  end
  return rows, ids, number
end

local function answer(refused)
  write_back()
  local limited = not is_free and is_scarce and 1 or 0
  if #leases == 0 then
    return { {}, refused, withdrawals_since(known_epoch), limited, now }
  end
  local rows, ids, last = number_leases()
  if limited_client then
    -- What was taken back and not replaced stays charged.
    limited_client.charge(math.max(#leases, replaced), last)
    if #leases == count and count < wanted then
      refused = { 'CLIENT_LIMIT', client_until, '' }
    end
  end
  local reply = cmsgpack.pack({ ids, refused, limited, now, to_start, to_end })
  redis.call('SET', reply_name, reply, 'PX', keep)
  return { rows, refused, withdrawals_since(known_epoch), limited, now }
end

-- Most calls end here.

local is_plain = not wishes.affinity and wishes.required == '' and #wishes.resources == 0
local is_cut_short
if is_plain then
  begin_search()
  is_cut_short = search()
  if #leases == count then
    return answer({})
  end
end
