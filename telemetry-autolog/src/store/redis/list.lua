-- ARGV: how many, the time and the scope after which to begin.
local limit, from, after = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local STEP = 256
local found, offset = {}, 0
while true do
  local scopes = redis.call('ZREVRANGEBYSCORE', opened, from, '-inf', 'WITHSCORES', 'LIMIT', offset, STEP)
  for i = 1, #scopes, 2 do
    if scopes[i + 1] ~= from or scopes[i] < after then
      local last = redis.call('ZSCORE', ends, scopes[i])
      if last and tonumber(last) > now then
        local key, field = place(scopes[i])
        local text = redis.call('HGET', key, field)
        if text then found[#found + 1] = text end
        if #found == limit then return found end
      end
    end
  end
  if #scopes < 2 * STEP then return found end
  offset = offset + STEP
end
