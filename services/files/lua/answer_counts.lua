-- What scripts share that let an answer go.

-- Drop an answer and count it out; whether it was counted. Its bytes may have ended before.
local function let_answer_go(answer)
  local row = redis.call('HGET', named('answer_rows'), answer)
  if not row then
    return false
  end
  local size, owner = string.match(row, '^(%d+) (.*)$')
  redis.call('HDEL', named('answer_rows'), answer)
  redis.call('ZREM', named('answer_ends'), answer)
  redis.call('ZREM', named('answers_owned', owner), answer)
  redis.call('DEL', named('answer', answer))
  redis.call('DECRBY', named('answer_bytes'), size)
  if redis.call('HINCRBY', named('owner_answers'), owner, -size) <= 0 then
    redis.call('HDEL', named('owner_answers'), owner)
  end
  return true
end
