-- Reading a session, and what every call on a live one begins and ends with.

-- The metadata with `alive` and, if it is not, `reason` (0: none is known); nil where no key is. Past its deadline a
-- session stays for its grace, to be told of, and after that for `keep`, where only repeats are to find it.
local function read_session(key)
  local packed = redis.call('HGET', key, '@')
  if not packed then
    return nil
  end
  local session = unpack_meta(packed)
  session.alive, session.reason = session.state == 0, session.state == PARKED and 0 or session.state
  if session.alive and session.grace + session.keep > 0 then
    local left = redis.call('PTTL', key)
    session.alive = left >= session.grace + session.keep
    session.reason = left >= session.keep and EXPIRED or 0
  end
  return session
end

local function gone(session)
  return { GONE, string.char(session and session.reason or 0) }
end

-- Remembers the answer, writes the metadata, and answers; without content, the metadata. Refusals are remembered too: a
-- second delivery must not do what the first was refused.
local function settle(key, session, call, code, content)
  remember(session, call, code, content or '')
  local packed = pack_meta(session)
  redis.call('HSET', key, '@', packed)
  return { code, content or packed }
end

-- The live session that the call is for, or nil and what to answer. A repeat is answered as the first time; where that
-- was the metadata (no content is remembered), with the metadata as it stands, or `GONE` if the session has ended. With
-- a `generation`, a call from before another login of the session is a conflict. `read` is `read_session` unless it is
-- said.
local function begin(key, call, generation, read)
  local session = (read or read_session)(key)
  local answer = session and recall(session, call)
  if answer and answer[1] == OK and answer[2] == '' then
    return nil, session.alive and { OK, session.packed } or gone(session)
  elseif answer then
    return nil, answer
  elseif session and call.not_after <= session.horizon and session.horizon <= call.now + FARTHEST_MS then
    return nil, { STALE, string.format('%.0f', session.horizon) }
  elseif not session or not session.alive then
    return nil, gone(session)
  elseif generation and session.generation ~= generation then
    return nil, settle(key, session, call, CONFLICT, '')
  end
  return session
end

-- The same where there may be no session to remember a refusal in, or nothing is refused yet.
local function refuse(key, session, call, code)
  if session and code ~= NAME_MEMBERS then
    return settle(key, session, call, code, '')
  end
  return { code, '' }
end
