-- Puts a session that begins or logs in into its place: the indexes first, then the hash. A guest has no user index
-- (nil).
local function enter(key, session, id, deadlines, index, call, fields)
  remember(session, call, OK, '')
  if index then
    redis.call('ZADD', index, session.since, member_of(id))
    cover(index, session)
  end
  redis.call('ZADD', deadlines, deadline_ms(session), id)
  return store(key, session, fields)
end

-- Remembers a refusal under an id that stays free: a key that outlasts every repeat, and whose session never lived.
local function refuse_place(key, session, call, code)
  session.keep = FARTHEST_MS + 1
  remember(session, call, code, '')
  redis.call('HSET', key, '@', pack_meta(session))
  redis.call('PEXPIRE', key, FARTHEST_MS)
  return { code, '' }
end
