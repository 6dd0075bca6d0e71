-- Forget an answer.
--
-- KEYS  1 prefix
-- ARGV  1 answer
-- Reply 1 when there was one, 0 when there was none
-- Keeps What is gone is counted no more.

local ends = redis.call('ZSCORE', named('answer_ends'), ARGV[1])
let_answer_go(ARGV[1])
return ends and tonumber(ends) > read_clock() and 1 or 0
