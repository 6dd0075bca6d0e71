-- Which limits hold for a project and a model: declared ones and learned ones.
--
-- Declared limits stand in `quotas`: `p/<project>/<pattern>` and `t/<tier>/<pattern>` -> JSON
-- {rpm, tpm, rpd}. For each of the three the most particular declaration counts that has it:
-- a project's before its tier's, a longer pattern before a shorter one. What they come to for
-- one model is kept in `limits` until a declaration changes, so that nobody reads them all.

-- Work out and keep what the declarations come to for a model; returns for how many holders.
local function compile_limits(model, version)
  local function to_pattern(wildcard)
    local escaped = string.gsub(wildcard, '[%-%.%+%[%]%(%)%$%^%%%?]', '%%%0')
    return '^' .. string.gsub(escaped, '%*', '.*') .. '$'
  end

  local found = {}
  local rows = redis.call('HGETALL', named('quotas'))
  for at = 1, #rows, 2 do
    local holder, pattern = string.match(rows[at], '^([pt]/[^/]*)/(.*)$')
    if holder and string.find(model, to_pattern(pattern)) then
      found[#found + 1] = {
        holder = holder, pattern = pattern, limits = cjson.decode(rows[at + 1]),
      }
    end
  end
  table.sort(found, function(one, other)
    if #one.pattern ~= #other.pattern then
      return #one.pattern > #other.pattern
    end
    return one.pattern < other.pattern
  end)

  local resolved = {}
  for _, declared in ipairs(found) do
    local limits = resolved[declared.holder] or {}
    for _, kind in ipairs(KINDS) do
      limits[kind] = limits[kind] or tonumber(declared.limits[kind])
    end
    resolved[declared.holder] = limits
  end
  local name, fields, size = named('limits', model), {}, 0
  for holder, limits in pairs(resolved) do
    size = size + 1
    fields[#fields + 1] = holder
    fields[#fields + 1] = cmsgpack.pack(limits)
  end
  redis.call('DEL', name)
  for first = 1, #fields, 2 * CHUNK do
    redis.call('HSET', name, unpack(fields, first, math.min(first + 2 * CHUNK - 1, #fields)))
  end
  redis.call('HSET', name, 'version', version, 'size', size)
  redis.call('PEXPIRE', name, IDLE_MODEL_MS)
  return size
end

-- So few declarations are read at once; of more, those of the project at hand.
local FEW = 16

-- Each model that this call has looked up -> {version, for how many holders limits are
-- declared, holder -> limits where those are few}
local compiled = {}

local function compiled_for(model)
  local known = compiled[model]
  if not known then
    local version = counter('quotas')
    known = { version = version, size = 0 }
    if version > 0 then
      local row = redis.call('HMGET', named('limits', model), 'version', 'size')
      known.size = tonumber(row[1]) == version and tonumber(row[2]) or compile_limits(model, version)
    end
    if known.size > 0 and known.size <= FEW then
      known.all = {}
      local rows = redis.call('HGETALL', named('limits', model))
      for at = 1, #rows, 2 do
        known.all[rows[at]] = rows[at + 1]
      end
    end
    compiled[model] = known
  end
  return known
end

local function declared_for(model, project, tier)
  local all, own, common = compiled_for(model).all, 'p/' .. project, 't/' .. (tier or '')
  if all then
    own, common = all[own], all[common]
  else
    own, common = unpack(redis.call('HMGET', named('limits', model), own, common))
  end
  own = own and cmsgpack.unpack(own) or NO_LIMITS
  common = tier and common and cmsgpack.unpack(common) or NO_LIMITS
  return {
    rpm = own.rpm or common.rpm, tpm = own.tpm or common.tpm, rpd = own.rpd or common.rpd,
  }
end

-- The limits in force. A declared one gives way only to a smaller one that was learned later.
local function limits_of(state, tier)
  local known = compiled_for(state.model)
  if known.size == 0 and next(state.learned) == nil then
    return NO_LIMITS
  end
  local declared = known.size > 0 and declared_for(state.model, state.project, tier) or NO_LIMITS
  local limits = { learned = {} }
  for _, kind in ipairs(KINDS) do
    local lesson = state.learned[kind]
    limits[kind] = declared[kind]
    if lesson and (not declared[kind]
        or (lesson.limit < declared[kind] and lesson.time > known.version)) then
      limits[kind], limits.learned[kind] = lesson.limit, true
    end
  end
  return limits
end

local function is_limited(limits)
  return (limits.rpm or limits.tpm or limits.rpd) ~= nil
end

local function is_offered(limits)
  return limits.rpm ~= 0 and limits.tpm ~= 0 and limits.rpd ~= 0
end
