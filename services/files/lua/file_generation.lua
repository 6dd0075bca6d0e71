-- What scripts share that change a file which was read before.

-- The generation of the file that is recorded under an id, nil when none is. A name may be chosen
-- again once its file is gone: what was decided of the one before must not reach the new one.
local function generation_of(id)
  local described = redis.call('GET', named('file', id))
  if described then
    return string.match(described, '^{"generation":"(%w*)"') or ''
  end
end
