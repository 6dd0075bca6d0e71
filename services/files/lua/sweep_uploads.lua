-- Drop uploads whose time is over.
--
-- KEYS  1 prefix
-- ARGV  1 how many at most
-- Reply rows of {upload, fields and values}, one for each that was dropped
-- Keeps Each upload is dropped by one sweeper.

local rows = {}
local over = redis.call('ZRANGEBYSCORE', named('ends'), '-inf', read_clock(), 'LIMIT', 0, ARGV[1])
for _, upload in ipairs(over) do
  local row = redis.call('HGETALL', named('upload', upload))
  close_upload(upload)
  redis.call('DEL', named('upload', upload))
  if #row > 0 then
    rows[#rows + 1] = { upload, row }
  end
end
return rows
