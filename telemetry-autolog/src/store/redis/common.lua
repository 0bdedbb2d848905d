-- What every script begins with. KEYS: when sessions end, when they were opened.
-- ARGV: now, the scope, the channel, what is told there; times in milliseconds.
local ends, opened = KEYS[1], KEYS[2]
local now, scope, channel, news = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
-- an index that nobody has touched is kept so much longer than what it leads to
local GRACE = 60000

local function place(scope)
  local app, endpoint = scope:match('^([^:]*:[^:]*):(.*)$')
  return '{autolog}:app:' .. app, endpoint
end

local function forget(scope)
  local key, field = place(scope)
  redis.call('HDEL', key, field)
  redis.call('ZREM', ends, scope)
  redis.call('ZREM', opened, scope)
end

local function forget_expired()
  for _, expired in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now)) do
    forget(expired)
  end
end

local function live(scope)
  local last = redis.call('ZSCORE', ends, scope)
  if not last or tonumber(last) <= now then return nil end
  local key, field = place(scope)
  local text = redis.call('HGET', key, field)
  return text and cjson.decode(text) or nil
end

local function keep(key, last)
  local left = last - now + GRACE
  if redis.call('PTTL', key) < left then redis.call('PEXPIRE', key, left) end
end

-- Writes a session as long as somebody holds it; else forgets it and returns nil.
local function save(scope, record)
  local last = 0
  for holder, hold in pairs(record.holds) do
    if hold.expires_at <= now then
      record.holds[holder] = nil
    elseif hold.expires_at > last then
      last = hold.expires_at
    end
  end
  if last == 0 then
    forget(scope)
    return nil
  end
  local key, field = place(scope)
  local text = cjson.encode(record)
  redis.call('HSET', key, field, text)
  redis.call('ZADD', ends, last, scope)
  redis.call('ZADD', opened, record.enabled_at, scope)
  keep(key, last)
  keep(ends, last)
  keep(opened, last)
  return text
end

local function tell()
  redis.call('PUBLISH', channel, news)
end

-- Opens a session, or joins the open one: how it ended, and the session.
local function open(fresh, holder, said, limit)
  local record = live(scope)
  if record then
    record.holds[holder] = fresh.holds[holder]
    for _, name in ipairs({'reason', 'error_type', 'trace_id'}) do
      if fresh[name] and (said or not record[name]) then record[name] = fresh[name] end
    end
    tell()
    return 'joined', save(scope, record)
  end
  forget_expired()
  if redis.call('ZCARD', ends) >= limit then return 'full', '' end
  tell()
  return 'new', save(scope, fresh)
end
