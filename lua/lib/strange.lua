-- A session that is to end, whatever it is. In the place of one that this version cannot read, because it is damaged
-- or a newer version's, stands one that is alive and of which nothing else is known: it must not keep others from
-- ending.
local function read_any(key)
  local readable, session = pcall(read_session, key)
  if readable then
    return session
  end
  redis.call('HLEN', key) -- an error if it is no hash
  session = fresh(0, string.rep('\0', 32), 0, 0, 0, 0, '')
  session.alive, session.strange = true, true
  return session
end
