-- How a session ends: its hash is replaced in place by a tombstone, which never lives again. Who and from where is
-- forgotten; the secrets, counters and the ring stay, so that the visitor can be told and repeats be answered.
local function bury(key, session, reason, call, remember_ms, code, content)
  remember(session, call, code, content)
  session.state, session.touched, session.tail = reason, call.now, ''
  local packed = pack_meta(session)
  redis.call('UNLINK', key)
  redis.call('HSET', key, '@', packed)
  redis.call('PEXPIRE', key, remember_ms)
end
