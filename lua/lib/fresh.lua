-- A new session.
local function fresh(now, secret, idle_ms, absolute_ms, interval_ms, grace_ms, tail)
  assert(#secret == 32, 'a secret hash has 32 bytes')
  return {
    state = 0, ignorable = 0, created = now, since = now, touched = now,
    idle = tonumber(idle_ms), absolute = tonumber(absolute_ms), interval = tonumber(interval_ms),
    grace = tonumber(grace_ms), keep = 0, generation = 1, version = 1, size = 0,
    index_until = 0, horizon = 0, secret = secret, uses = 0, former = '', ring = {}, tail = tail,
  }
end

-- The reply with a session's whole hash.
local function whole(key)
  return { OK, redis.call('HGETALL', key) }
end
