-- Tell the time. Reads only.
--
-- KEYS  1 prefix of the pool
-- Reply now, ms
-- Keeps Nothing changes.

return text(read_clock())
