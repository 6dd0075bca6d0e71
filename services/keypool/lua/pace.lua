-- How fast a project uses up a day that is limited: requests of the last hour by slots of ten
-- minutes, packed into its state. Comes before quota. Where no day is limited nothing is kept.

-- One name for all of it: a script has at most 200.
local pace = {}

do
  local SLOT_MS = 600000
  -- The slot of now and those of an hour before.
  local SLOTS = 7
  local LAYOUT = '<I4' .. string.rep('I2', SLOTS)
  local MOST_IN_SLOT = 65535

  -- A pace, nil for none, as of a time; newest slot first. A clock that was set back stands still.
  local function as_of(kept, time)
    local slot = math.floor(time / SLOT_MS)
    local passed = kept and math.max(0, slot - kept.slot) or SLOTS
    local counts = {}
    for place = 1, SLOTS do
      counts[place] = place > passed and kept.counts[place - passed] or 0
    end
    return { slot = passed > 0 and slot or kept.slot, counts = counts }
  end

  function pace.unpack(packed, at)
    local counts = { struct.unpack(LAYOUT, packed, at) }
    local next_at, slot = table.remove(counts), table.remove(counts, 1)
    return { slot = slot, counts = counts }, next_at
  end

  function pace.pack(kept)
    return struct.pack(LAYOUT, kept.slot, unpack(kept.counts))
  end

  -- Count requests as of now; fewer than none take back the newest ones.
  function pace.count(kept, time, requests)
    kept = as_of(kept, time)
    for place, count in ipairs(kept.counts) do
      local sum = count + requests
      kept.counts[place] = math.max(0, math.min(sum, MOST_IN_SLOT))
      requests = math.min(0, sum)
    end
    return kept
  end

  function pace.merge(kept, other, time)
    local merged, gone = as_of(kept, time), as_of(other, time)
    for place, count in ipairs(gone.counts) do
      merged.counts[place] = math.min(merged.counts[place] + count, MOST_IN_SLOT)
    end
    return merged
  end

  -- Requests within the last hour or so, and the start of the slot of the first of them.
  function pace.read(kept, time)
    kept = as_of(kept, time)
    local requests, since = 0, time
    for place, count in ipairs(kept.counts) do
      requests = requests + count
      since = count > 0 and (kept.slot - place + 1) * SLOT_MS or since
    end
    return requests, since
  end
end
