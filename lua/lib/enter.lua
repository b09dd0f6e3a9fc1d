-- Stores a session that begins or logs in: first its index entries, then the hash. For a guest, `index` is nil.
local function enter(key, session, id, deadlines, index, call, fields)
  remember(session, call, OK, '')
  if index then
    redis.call('ZADD', index, session.since, member_of(id))
    cover(index, session)
  end
  redis.call('ZADD', deadlines, deadline_ms(session), id)
  return store(key, session, fields)
end

-- Stores a refusal under the new session's id, which stays free: the key outlasts every repeat and is never live.
local function refuse_place(key, session, call, code)
  session.keep = FARTHEST_MS + 1
  remember(session, call, code, '')
  redis.call('HSET', key, '@', pack_meta(session))
  redis.call('PEXPIRE', key, FARTHEST_MS)
  return { code, '' }
end
