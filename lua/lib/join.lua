-- A login joins the session that another login of the same visitor made in the place of their guest's: a button that
-- was pressed twice. JOIN_MS is the time after that login in which it may.

-- Why this call cannot join what the key holds, or nil. Only a login of the same user from the same client (`tail`
-- up to its flags) joins, and never a session that was logged in again: it may hold more than a password gives.
local function join_refusal(key, call, owner, tail)
  local session = read_session(key)
  if session and recall(session, call) then
    return nil
  elseif session and session.state == PARKED then
    return { MOVED_ON, '' }
  elseif not session or call.now > session.since + JOIN_MS then
    return { NOT_JOINED, '' }
  elseif not session.alive then
    return gone(session)
  elseif not is_owned(session, owner) or session.generation ~= 1 or string.sub(session.tail, 1, #tail) ~= tail then
    return { NOT_JOINED, '' }
  end
end

-- Another secret for the session, as by a rotation: the one before works until this one is used, and 10 seconds longer.
local function join(key, session, call, secret, delta)
  session.previous, session.secret, session.rotated, session.used = session.secret, secret, call.now, 0
  apply(key, delta)
  settle(key, session, call, OK)
  return whole(key)
end
