-- What was used, counted by key, client and model in buckets of a minute, an hour and
-- a quota day.
--
-- A bucket is one hash. A field is the kind of a name and the name: `k` for a key, `c`
-- for a client, `m` for a model; its value lists successes, failures, input, output,
-- cached and thought tokens. `n` counts the names of each kind. Once a bucket holds as
-- many names of a kind as it may, further ones are counted together under `*`.
--
-- A small hash is a list, in which every look is a walk. Once a bucket has more than a few
-- names, `n` becomes too long for a list.

local USAGE_KINDS = { k = 1, c = 2, m = 3 }
-- A bucket is kept, from its first use on, so long that it covers 2 hours, 3 days or 90
-- days after its end.
local USAGE_BUCKETS = {
  { part = 'm', length = 60000, keep = 7500000, names = 1000 },
  { part = 'h', length = 3600000, keep = 262800000, names = 2000 },
  { part = 'd', keep = 7862400000, names = 5000 },
}
local USAGE_CHUNK = 2000
local FEW_NAMES = 32
local LIST_VALUE = 64

local COUNTS = '(%d+),(%d+),(%d+),(%d+),(%d+),(%d+)'
local COUNTS_OF_NAMES = '(%d+),(%d+),(%d+)'

-- Field -> what this call adds to it.
local used = {}

local function use(field, is_success, is_failure, tokens)
  local sums = used[field]
  if not sums then
    sums = { 0, 0, 0, 0, 0, 0 }
    used[field] = sums
  end
  sums[1], sums[2] = sums[1] + is_success, sums[2] + is_failure
  for at, count in ipairs(tokens) do
    sums[2 + at] = sums[2 + at] + count
  end
end

-- Remember an outcome until `write_usage`.
local function note_usage(key_id, client, model, outcome, tokens)
  local is_success = outcome == 'succeeded' and 1 or 0
  local is_failure = outcome == 'failed' and 1 or 0
  use('k' .. key_id, is_success, is_failure, tokens)
  use('c' .. client, is_success, is_failure, tokens)
  use('m' .. model, is_success, is_failure, tokens)
end

-- Counts as they are stored, with what this call adds.
local function added_to(packed, sums)
  local successes, failures, input, output, cached, thought = 0, 0, 0, 0, 0, 0
  if packed then
    successes, failures, input, output, cached, thought = string.match(packed, COUNTS)
  end
  return string.format(
    '%d,%d,%d,%d,%d,%d', successes + sums[1], failures + sums[2], input + sums[3],
    output + sums[4], cached + sums[5], thought + sums[6])
end

local function read_bucket(name, fields)
  if #fields <= USAGE_CHUNK then
    return redis.call('HMGET', name, unpack(fields))
  end
  local found = {}
  for first = 1, #fields, USAGE_CHUNK do
    local last = math.min(first + USAGE_CHUNK - 1, #fields)
    for at, packed in ipairs(redis.call('HMGET', name, unpack(fields, first, last))) do
      found[first + at - 1] = packed
    end
  end
  return found
end

-- The first four fields are `n` and the `*` of the three kinds.
local function write_bucket(name, bucket, fields)
  local before, rows = read_bucket(name, fields), {}
  local names, has_new_name, overflowed = { 0, 0, 0 }, false, {}
  if before[1] then
    names = { string.match(before[1], COUNTS_OF_NAMES) }
  end
  for at = 5, #fields do
    local field = fields[at]
    local kind = USAGE_KINDS[string.sub(field, 1, 1)]
    if before[at] or tonumber(names[kind]) < bucket.names then
      if not before[at] then
        names[kind], has_new_name = names[kind] + 1, true
      end
      rows[#rows + 1] = field
      rows[#rows + 1] = added_to(before[at], used[field])
    else
      before[1 + kind] = added_to(before[1 + kind], used[field])
      overflowed[1 + kind] = true
    end
  end
  for at in pairs(overflowed) do
    rows[#rows + 1] = fields[at]
    rows[#rows + 1] = before[at]
  end
  if has_new_name then
    rows[#rows + 1] = fields[1]
    local is_large = names[1] + names[2] + names[3] > FEW_NAMES
    rows[#rows + 1] = string.format('%d,%d,%d', unpack(names))
      .. (is_large and string.rep(' ', LIST_VALUE) or '')
  end
  for first = 1, #rows, USAGE_CHUNK do
    redis.call('HSET', name, unpack(rows, first, math.min(first + USAGE_CHUNK - 1, #rows)))
  end
  if not before[1] then
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
    write_bucket(named('usage', bucket.part .. number), bucket, fields)
  end
end
