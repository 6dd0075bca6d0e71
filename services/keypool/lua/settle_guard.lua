-- A part of settle. When the same failure meets many keys at once, the keys are not to
-- blame: a request, an address or the upstream is. Then it harms nobody for a while.

local FAULTS_MS = 10000
local FROZEN_MS = 30000
local FEWEST = 3
local SHARE = 0.3

-- Rules that this call found to meet many keys.
local frozen_now = {}

local function is_frozen(rule, key_id)
  if redis.call('EXISTS', named('frozen', rule)) == 1 then
    return true
  end
  local faults = named('faults', rule)
  redis.call('ZREMRANGEBYSCORE', faults, '-inf', now - FAULTS_MS)
  redis.call('ZADD', faults, now, key_id)
  redis.call('PEXPIRE', faults, FAULTS_MS)
  local most = math.max(FEWEST, math.ceil(SHARE * redis.call('ZCARD', named('key_ids'))))
  if redis.call('ZCARD', faults) < most then
    return false
  end
  redis.call('SET', named('frozen', rule), 1, 'PX', FROZEN_MS)
  frozen_now[#frozen_now + 1] = rule
  return true
end
