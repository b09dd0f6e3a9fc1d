-- Moves what one key holds back in time. The layout is the one of `lua/lib/meta.lua`; a test of the store would notice a difference.
local key, by = KEYS[1], tonumber(ARGV[1])
local kind = redis.call('TYPE', key).ok
local ttl = redis.call('PTTL', key)

if kind == 'hash' then
  local meta = redis.call('HGET', key, '@')
  local function back(at)
    local ms = struct.unpack('>I6', meta, at)
    if ms > 0 then
      meta = meta:sub(1, at - 1) .. struct.pack('>I6', ms - by) .. meta:sub(at + 6)
    end
  end
  for _, at in ipairs({ 4, 10, 16, 58, 64 }) do back(at) end
  local at = 103
  if meta:byte(3) == 1 then
    back(at + 32)
    back(at + 38)
    at = at + 44
  end
  for _ = 1, meta:byte(102) do
    back(at + 8)
    at = at + 15 + meta:byte(at + 14)
  end
  redis.call('HSET', key, '@', meta)
elseif kind == 'zset' then
  for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    redis.call('ZINCRBY', key, -by, member)
  end
elseif kind == 'string' then
  local epoch = tonumber(redis.call('GET', key))
  redis.call('SET', key, string.format('%.0f', epoch - by), 'KEEPTTL')
end

if ttl >= 0 then
  if ttl <= by then redis.call('UNLINK', key) else redis.call('PEXPIRE', key, ttl - by) end
end
return redis.status_reply('OK')
