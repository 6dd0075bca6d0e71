-- Change the tier of a project.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 project
--       2 tier, '' for none
--       3 audit line
-- Reply 'changed' | 'unknown' | 'filed' when the quota file declares the tier
-- Keeps What the quota file declares changes there alone.

local project, tier = ARGV[1], ARGV[2]
if not has_keys(project) then
  return 'unknown'
elseif redis.call('HEXISTS', named('filed'), 'tier/' .. project) == 1 then
  return 'filed'
end
if tier == '' then
  redis.call('HDEL', named('project', project), 'tier')
else
  redis.call('HSET', named('project', project), 'tier', tier)
end
write_audit(project, ARGV[3])
return 'changed'
