-- Fifth part of acquire: requests of equal hash prefer the same project, where the upstream
-- may still hold what they begin with. The last one that served, then two on a ring, else
-- the rotation: never a search, and nobody waits for a favourite.
--
-- The ring is that of the names of keys, which are as good as random: from a point on, the
-- next key tells the project. Keys that come or go move few hashes.

local KEPT_MS = 300000

local function affinity_name()
  return named('affinity', model .. ':' .. wishes.affinity.hash)
end

local function on_ring(point)
  local ring = named('key_ids')
  local rows = redis.call('ZRANGEBYLEX', ring, '[' .. point, '+', 'LIMIT', 0, 1)
  local key_id = rows[1] or redis.call('ZRANGE', ring, 0, 0)[1]
  return key_id and redis.call('HGET', named('key', key_id), 'project')
end

local function grant_to_favourite(project)
  while project and #leases < count and gate(project) == 'ok' do
    grant(project, now)
  end
end

local function grant_to_favourites()
  grant_to_favourite(redis.call('GET', affinity_name()))
  for _, point in ipairs(wishes.affinity.points) do
    if #leases < count then
      grant_to_favourite(on_ring(point))
    end
  end
end

local function remember_favourite()
  redis.call('SET', affinity_name(), leases[#leases].project, 'PX', KEPT_MS)
end
