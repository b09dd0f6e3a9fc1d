-- A login joins the session that another login of the same visitor made from the same guest session: a button that was
-- pressed twice. JOIN_MS is the time after the first login in which the second may join.

-- The refusal if this call cannot join the session, or nil. The user and the client (`tail` up to its flags) have to be
-- the same. A session that was logged in again is never joined: a password alone may not give access to it.
local function join_refusal(key, call, owner, tail)
  local session = read_session(key)
  if session and recall(session, call) then
    return nil
  elseif session and session.state == PARKED then
    return { MOVED_ON, '' }
  elseif not session or session.is_past or call.now > session.since + JOIN_MS then
    return { NOT_JOINED, '' }
  elseif not session.alive then
    return gone(session)
  elseif not is_owned(session, owner) or session.generation ~= 1 or string.sub(session.tail, 1, #tail) ~= tail then
    return { NOT_JOINED, '' }
  end
end

-- Gives the session another secret, like a rotation: the previous one works until 10 seconds after this one is used.
local function join(key, session, call, secret, delta)
  session.previous, session.secret, session.rotated, session.used = session.secret, secret, call.now, 0
  apply(key, delta)
  settle(key, session, call, OK)
  return whole(key)
end
