-- Moves the content of one key back in time. The layout is that of `lua/lib/meta.lua`; a test of the store detects a difference.
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
  for _, at in ipairs({ 5, 11, 17, 59, 65 }) do back(at) end
  local at = 108
  local critical = meta:byte(3)
  if critical % 2 == 1 then
    back(at + 32)
    back(at + 38)
    local count = meta:byte(at + 44)
    at = at + 45
    for _ = 1, count do
      back(at + 16)
      at = at + 22
    end
  end
  if critical % 4 >= 2 then at = at + 16 end
  for _ = 1, meta:byte(107) do
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
