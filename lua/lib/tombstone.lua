-- Ends a session: its hash becomes a tombstone, which never becomes live again. User and client are removed; the
-- secrets, the generation, the version and the ring stay, so that the visitor gets the reason and a repeat its reply.
--
-- A tombstone stays up to a tenth longer than `remember_ms`, by the last digits of the id: sessions that ended together
-- would otherwise expire together and keep Redis busy. `StoreSettings::tombstone_ms` is the same for the embedded
-- store.
--
-- The hash is overwritten: while its slot moves, Redis takes a removed key for a moved one and rejects writes to it.
local function tombstone(key, session, reason, call, remember_ms, code, content)
  remember(session, call, code, content)
  session.state, session.touched, session.tail = reason, call.now, ''
  redis.call('HSET', key, '@', pack_meta(session))
  local fields = {}
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if name ~= '@' then
      fields[#fields + 1] = name
    end
  end
  if #fields > 0 then
    redis.call('HDEL', key, unpack(fields))
  end
  local digits = tonumber(string.sub(key, -4), 16)
  redis.call('PEXPIRE', key, remember_ms + math.floor(remember_ms * digits / 655360))
end
