-- Reads a session; begins and ends every call on a live one.

-- The metadata with `alive` and, if it is not alive, `reason` (0: unknown); nil if there is no key. After its deadline
-- a session stays for `grace`, in which visitors get the reason, and then for `keep` (`is_past`), in which only repeats
-- find it.
local function read_session(key)
  local packed = redis.call('HGET', key, '@')
  if not packed then
    return nil
  end
  local session = unpack_meta(packed)
  session.alive, session.reason = session.state == 0, session.state
  if session.state == PARKED then
    session.reason = 0
  elseif session.alive and session.grace + session.keep > 0 then
    local left = redis.call('PTTL', key)
    session.alive = left >= session.grace + session.keep
    session.is_past = left < session.keep
    if not session.is_past then
      session.reason = EXPIRED
    end
  end
  return session
end

local function gone(session)
  return { GONE, string.char(session and session.reason or 0) }
end

-- Adds the call to the ring, writes the metadata and returns the reply; without `content`, the reply has the metadata.
-- Refusals are stored too: a repeat must not do what the first delivery was refused.
local function settle(key, session, call, code, content)
  remember(session, call, code, content or '')
  local packed = pack_meta(session)
  redis.call('HSET', key, '@', packed)
  return { code, content or packed }
end

-- The live session of the call, or nil and the reply. A repeat gets its first reply; if that was the metadata (stored
-- without content), the present metadata, or `GONE` if the session has ended. With a `generation`, a call from before
-- another login of the session is a conflict. `read` defaults to `read_session`.
local function begin(key, call, generation, read)
  local session = (read or read_session)(key)
  local reply = session and recall(session, call)
  local had_metadata = reply and reply[1] == OK and reply[2] == ''
  if had_metadata and session.alive then
    return nil, { OK, session.packed }
  elseif had_metadata then
    return nil, gone(session)
  elseif reply then
    return nil, reply
  elseif session and call.not_after <= session.horizon and session.horizon <= call.now + FARTHEST_MS then
    return nil, { STALE, string.format('%.0f', session.horizon) }
  elseif not session or not session.alive then
    return nil, gone(session)
  elseif generation and session.generation ~= generation then
    return nil, settle(key, session, call, CONFLICT, '')
  end
  return session
end

-- A refusal, stored if there is a session to store it in. NAME_MEMBERS is not final and is never stored.
local function refuse(key, session, call, code)
  if session and code ~= NAME_MEMBERS then
    return settle(key, session, call, code, '')
  end
  return { code, '' }
end
