-- What was used, counted by key, client and model in buckets of a minute, an hour and
-- a quota day.
--
-- A bucket is one hash. A field is the kind of a name and the name: `k` for a key, `c`
-- for a client, `m` for a model; its value lists successes, failures, input, output,
-- cached and thought tokens. `n` counts the names of each kind. Once a bucket holds as
-- many names of a kind as it may, further ones are counted together under `*`.

local USAGE_KINDS = { k = 1, c = 2, m = 3 }
-- A bucket is kept, from its first use on, so long that it covers 2 hours, 3 days or 90
-- days after its end.
local USAGE_BUCKETS = {
  { part = 'm', length = 60000, keep = 7500000, names = 1000 },
  { part = 'h', length = 3600000, keep = 262800000, names = 2000 },
  { part = 'd', keep = 7862400000, names = 5000 },
}
local USAGE_CHUNK = 2000

-- Field -> what this call adds to it.
local used = {}

local function use(kind, name, counts)
  local field = kind .. name
  local sums = used[field]
  if not sums then
    used[field] = { unpack(counts) }
    return
  end
  for at, count in ipairs(counts) do
    sums[at] = sums[at] + count
  end
end

-- Remember an outcome until `write_usage`.
local function note_usage(key_id, client, model, outcome, tokens)
  local counts = {
    outcome == 'succeeded' and 1 or 0,
    outcome == 'failed' and 1 or 0,
    tokens[1] or 0, tokens[2] or 0, tokens[3] or 0, tokens[4] or 0,
  }
  use('k', key_id, counts)
  use('c', client, counts)
  use('m', model, counts)
end

local function to_text(counts)
  local parts = {}
  for at, count in ipairs(counts) do
    parts[at] = text(count)
  end
  return table.concat(parts, ',')
end

local function from_text(packed)
  local counts = {}
  for count in string.gmatch(packed, '%d+') do
    counts[#counts + 1] = tonumber(count)
  end
  return counts
end

local function read_bucket(name, fields)
  local found = {}
  for first = 1, #fields, USAGE_CHUNK do
    local last = math.min(first + USAGE_CHUNK - 1, #fields)
    for at, packed in ipairs(redis.call('HMGET', name, unpack(fields, first, last))) do
      found[first + at - 1] = packed and from_text(packed)
    end
  end
  return found
end

local function add_to(sums, counts)
  for at, count in ipairs(counts) do
    sums[at] = (sums[at] or 0) + count
  end
  return sums
end

local function write_bucket(name, bucket, fields)
  local before = read_bucket(name, fields)
  local is_new = not before[1]
  local names = before[1] or { 0, 0, 0 }
  local rows = {}
  for at = 5, #fields do
    local field = fields[at]
    local sums = before[at]
    if not sums then
      local kind = USAGE_KINDS[string.sub(field, 1, 1)]
      if names[kind] < bucket.names then
        names[kind] = names[kind] + 1
        sums = {}
      else
        -- `*` of the three kinds stands in the fields 2, 3 and 4.
        before[1 + kind] = add_to(before[1 + kind] or {}, used[field])
      end
    end
    if sums then
      rows[#rows + 1] = field
      rows[#rows + 1] = to_text(add_to(sums, used[field]))
    end
  end
  before[1] = names
  for at = 1, 4 do
    if before[at] then
      rows[#rows + 1] = fields[at]
      rows[#rows + 1] = to_text(before[at])
    end
  end
  for first = 1, #rows, USAGE_CHUNK do
    redis.call('HSET', name, unpack(rows, first, math.min(first + USAGE_CHUNK - 1, #rows)))
  end
  if is_new then
    redis.call('PEXPIRE', name, bucket.keep)
  end
end

-- Count what was noted in the buckets of now; `day` is the end of the quota day.
local function write_usage(now, day)
  if next(used) == nil then
    return
  end
  local fields = { 'n', 'k*', 'c*', 'm*' }
  for field in pairs(used) do
    fields[#fields + 1] = field
  end
  for _, bucket in ipairs(USAGE_BUCKETS) do
    local number = bucket.length and math.floor(now / bucket.length) or day
    write_bucket(named('usage', bucket.part .. text(number)), bucket, fields)
  end
end
