-- Reads a session in order to end it. If this version cannot read it (damaged, or of a newer version), the result is a
-- live session without any data, so that it does not keep others from ending.
local function read_any(key)
  local readable, session = pcall(read_session, key)
  if readable then
    return session
  end
  redis.call('HLEN', key) -- fails if the key is not a hash
  session = fresh(0, string.rep('\0', 32), 0, 0, 0, 0, '')
  session.alive, session.unreadable = true, true
  return session
end
