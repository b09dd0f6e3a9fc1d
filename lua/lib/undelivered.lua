-- The session that a call is to end, or nil and what to answer: `begin` with the generation that the caller has loaded.
--
-- With the reason UNDELIVERED there come the hash of a secret that no client was given, 32 bytes, and how many uses had
-- been noted when the session got it. The session ends if nothing else opens it. Of two secrets, as after a login that
-- joined another one, only that one goes, and the session lives on. It lives on as it is where the secret is none of
-- its own, or it was used since: then somebody has it.
local function begin_end(key, call, reason, which, read)
  if reason ~= UNDELIVERED then
    return begin(key, call, tonumber(which), read)
  end
  assert(#which == 36, 'a secret hash has 32 bytes, the uses 4')
  local secret, uses = struct.unpack('>c32I4', which)
  local session, answer = begin(key, call)
  if not session then
    return nil, answer
  end
  local opens = session.secret == secret or session.previous == secret
  if not opens or session.uses > uses or session.previous and session.used > 0 then
    return nil, { CONFLICT, '' }
  elseif not session.previous then
    return session
  end
  session.secret = session.secret == secret and session.previous or session.secret
  session.previous = nil
  return nil, settle(key, session, call, CONFLICT, '')
end
