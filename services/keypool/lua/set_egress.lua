-- Declare a way out, or change one.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 name
--       2.. pairs of 'projects' | 'tags' | 'proxies' and the value to store
-- Reply 1, or 0 when there is none of this name and no proxies come along
-- Keeps A way out has proxies. What is not given stays as it is.

local egresses, name = named('egresses'), ARGV[1]
local has_proxies = redis.call('HEXISTS', egresses, name .. '/proxies') == 1
for at = 2, #ARGV, 2 do
  has_proxies = has_proxies or ARGV[at] == 'proxies'
end
if not has_proxies then
  return 0
end
for at = 2, #ARGV, 2 do
  redis.call('HSET', egresses, name .. '/' .. ARGV[at], ARGV[at + 1])
end
return 1
