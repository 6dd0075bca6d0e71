-- What scripts share that record files.

-- Record a file in the lists of its owner and of its pool.
local function put_file(id, owner, pool, name, described, made, ends)
  redis.call('SET', named('file', id), described, 'PXAT', ends)
  -- What an earlier file of the name left is not this one's.
  redis.call('DEL', named('copies', id))
  for _, list in ipairs({ named('owned', owner), named('pooled', pool) }) do
    redis.call('ZADD', list, made, name)
    -- Files end by themselves; two looks for each new one keep the list from growing.
    for _, other in ipairs(redis.call('ZRANDMEMBER', list, 2)) do
      if redis.call('EXISTS', named('file', pool .. '/' .. other)) == 0 then
        redis.call('ZREM', list, other)
      end
    end
    redis.call('PEXPIREAT', list, ends, 'NX')
    redis.call('PEXPIREAT', list, ends, 'GT')
  end
end
