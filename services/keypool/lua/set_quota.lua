-- Declare or withdraw limits.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 field
--       2 limits as JSON, '' to withdraw them
-- Reply 'changed' | 'unknown' when there is nothing to withdraw | 'filed' when the quota file
--       declares them
-- Keeps What the quota file declares changes there alone.

if redis.call('HEXISTS', named('filed'), ARGV[1]) == 1 then
  return 'filed'
elseif ARGV[2] ~= '' then
  redis.call('HSET', named('quotas'), ARGV[1], ARGV[2])
elseif redis.call('HDEL', named('quotas'), ARGV[1]) == 0 then
  return 'unknown'
end
return 'changed'
