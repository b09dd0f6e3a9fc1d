-- The session that a call is to end, or nil and what to answer: `begin` with the generation that the caller has loaded.
--
-- With the reason UNDELIVERED it is ended only if nothing but the secret with this hash opens it, which no client was
-- given. Of two secrets, as after a login that joined another one, only that one goes, and the session lives on. It
-- lives on as it is where the secret is none of its own, or the newest was used: then somebody has it.
local function begin_end(key, call, reason, which, read)
  if reason ~= UNDELIVERED then
    return begin(key, call, tonumber(which), read)
  end
  assert(#which == 32, 'a secret hash has 32 bytes')
  local session, answer = begin(key, call)
  if not session then
    return nil, answer
  elseif session.secret ~= which and session.previous ~= which or session.previous and session.used > 0 then
    return nil, { CONFLICT, '' }
  elseif not session.previous then
    return session
  end
  session.secret = session.secret == which and session.previous or session.secret
  session.previous = nil
  return nil, settle(key, session, call, CONFLICT, '')
end
