-- What holders of leases must stop using, numbered by epochs.

-- {epoch, 1 when `known` is too old to tell, withdrawn...}
local function withdrawals_since(known)
  local epoch = counter('epoch')
  if known == epoch then
    return { epoch, 0 }
  end
  if known > epoch or known < counter('floor') then
    return { epoch, 1 }
  end
  local what = redis.call('ZRANGEBYSCORE', named('withdrawn'), '(' .. known, '+inf')
  return { epoch, 0, unpack(what) }
end
