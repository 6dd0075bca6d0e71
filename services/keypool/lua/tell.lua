-- Tell what would be missing if all data were lost. Reads only.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 version    of the declared limits that the caller knows
--       2.. pairs of model and project
-- Reply {version, declared limits, states}
--       declared   fields and values, none when the version is known
--       states     rows of {packed state or '', tier or ''}, one for each pair
-- Keeps Nothing changes.

local version = redis.call('HGET', named('counters'), 'quotas') or '0'
local declared = {}
if version ~= ARGV[1] then
  declared = redis.call('HGETALL', named('quotas'))
end
local states = {}
for at = 2, #ARGV, 2 do
  local known, project = known_model(ARGV[at]), ARGV[at + 1]
  states[#states + 1] = {
    known and redis.call('GET', named('state', known.number .. ':' .. project)) or '',
    redis.call('HGET', named('project', project), 'tier') or '',
  }
end
return { version, declared, states }
