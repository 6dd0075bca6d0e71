-- Withdraw what holders of leases must not use any more.

local JOURNAL_MS = 600000
local JOURNAL_SIZE = 1000

-- Epochs are times, so that those before a loss of all data are never taken for newer ones.
local function withdraw(now, ...)
  local journal = named('withdrawn')
  local epoch = math.max(now, counter('epoch') + 1)
  set_counter('epoch', epoch)
  for _, what in ipairs({ ... }) do
    redis.call('ZADD', journal, epoch, what)
  end
  local floor
  local surplus = redis.call('ZCARD', journal) - JOURNAL_SIZE
  if surplus > 0 then
    floor = tonumber(redis.call('ZRANGE', journal, surplus - 1, surplus - 1, 'WITHSCORES')[2])
    redis.call('ZREMRANGEBYRANK', journal, 0, surplus - 1)
  end
  if redis.call('ZREMRANGEBYSCORE', journal, '-inf', now - JOURNAL_MS) > 0 then
    floor = math.max(now - JOURNAL_MS, floor or 0)
  end
  if floor then
    set_counter('floor', floor)
  end
end
