-- Bind a resource to a project and a client.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 resource
--       2 project
--       3 client
--       4 end in ms, or '' for none
--       5 1 to bind only a name that is free
-- Reply {1 when bound, binding as JSON}; the binding in the way when not bound
-- Keeps A resource has one binding, and stands in the list of its one owner.

local resource, project, client, ends = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local name = named('binding', resource)
local now = read_clock()
local before = redis.call('GET', name)
if before then
  if ARGV[5] == '1' then
    return { 0, before }
  end
  local owner = cjson.decode(before).client
  if owner ~= client then
    redis.call('ZREM', named('owned', owner), resource)
  end
end
local binding = cjson.encode({
  project = project, client = client, created = text(now), ends = ends,
})
if ends == '' then
  redis.call('SET', name, binding)
else
  redis.call('SET', name, binding, 'PXAT', ends)
end
local owned = named('owned', client)
redis.call('ZADD', owned, now, resource)
-- Bindings end by themselves; two looks for each new one keep the list from growing.
for _, other in ipairs(redis.call('ZRANDMEMBER', owned, 2)) do
  if redis.call('EXISTS', named('binding', other)) == 0 then
    redis.call('ZREM', owned, other)
  end
end
return { 1, binding }
