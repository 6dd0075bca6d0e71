-- Read a token and the clock. Reads only.
--
-- KEYS  1 prefix of tokens
-- ARGV  1 token id
-- Reply {fields and values, now}; no fields when there is no such token
-- Keeps Nothing changes.

return { redis.call('HGETALL', KEYS[1] .. 't:' .. ARGV[1]), text(read_clock()) }
