-- Forget an upload as if it had never been made.
--
-- KEYS  1 prefix
-- ARGV  1 upload
--       2 request that made it, or ''
-- Reply 1
-- Keeps Nothing of it is left.

close_upload(ARGV[1])
redis.call('DEL', named('upload', ARGV[1]))
if ARGV[2] ~= '' then
  redis.call('DEL', named('request', ARGV[2]))
end
return 1
