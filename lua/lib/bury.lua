-- How a session ends: its hash becomes a tombstone, which never lives again. Who and from where is forgotten; the
-- secrets, counters and the ring stay, so that the visitor can be told and repeats be answered.
--
-- It stays up to a tenth longer than ends are remembered, by the last digits of the id: what ended together would else
-- expire together, and Redis do little else then. `StoreSettings::tombstone_ms` is the same for the embedded store.
--
-- In place: while its slot moves, a key that a script has removed counts as moved, and cannot be written again.
local function bury(key, session, reason, call, remember_ms, code, content)
  remember(session, call, code, content)
  session.state, session.touched, session.tail = reason, call.now, ''
  redis.call('HSET', key, '@', pack_meta(session))
  local fields = {}
  for _, name in ipairs(redis.call('HKEYS', key)) do
    fields[#fields + 1] = name ~= '@' and name or nil
  end
  if #fields > 0 then
    redis.call('HDEL', key, unpack(fields))
  end
  local digits = tonumber(string.sub(key, -4), 16)
  redis.call('PEXPIRE', key, remember_ms + math.floor(remember_ms * digits / 655360))
end
