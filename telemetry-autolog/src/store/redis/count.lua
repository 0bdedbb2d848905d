-- KEYS: when windows end, this scope's window. ARGV: as open.lua, and then: how many errors, the
-- threshold, the length of a window.
local windows, window = KEYS[3], KEYS[4]
local limit, added = tonumber(ARGV[8]), tonumber(ARGV[9])
local threshold, length = tonumber(ARGV[10]), tonumber(ARGV[11])
if tonumber(redis.call('HGET', window, 'ends_at') or 0) <= now then
  redis.call('ZREMRANGEBYSCORE', windows, '-inf', now)
  if redis.call('ZCARD', windows) >= limit then return {'full', 0, 0} end
  redis.call('DEL', window)
  redis.call('HSET', window, 'ends_at', now + length)
  redis.call('PEXPIRE', window, length + GRACE)
  redis.call('ZADD', windows, now + length, scope)
  keep(windows, now + length)
end
local count = redis.call('HINCRBY', window, 'count', added)
local record = live(scope)
if record then
  record.error_count = record.error_count + added
  save(scope, record)
end
if count < threshold or count - added >= threshold then return {'counted', count, 0} end
local fresh = cjson.decode(ARGV[5])
fresh.error_count = count
local outcome = open(fresh, ARGV[6], false, limit)
return {outcome, count, 1}
