-- The session to end, or nil and the reply: `begin` with the generation as loaded.
--
-- With the reason UNDELIVERED, `which` is the hash of a secret that reached no client, 32 bytes, and the session's
-- number of noted uses when it got that secret. The session ends if it has no other secret. If it has two, as after a
-- join, only that one is removed. The session stays as it is if the secret is not one of its own, or if it was used
-- since: then a client has it.
local function begin_end(key, call, reason, which, read)
  if reason ~= UNDELIVERED then
    return begin(key, call, tonumber(which), read)
  end
  assert(#which == 36, 'a secret hash has 32 bytes, the uses 4')
  local secret, uses = struct.unpack('>c32I4', which)
  local session, reply = begin(key, call)
  if not session then
    return nil, reply
  end
  local opens = session.secret == secret or session.previous == secret
  if not opens or session.uses > uses or session.previous and session.used > 0 then
    return nil, { CONFLICT, '' }
  elseif not session.previous then
    return session
  end
  if session.secret == secret then
    session.secret = session.previous
  end
  session.previous = nil
  return nil, settle(key, session, call, CONFLICT, '')
end
