-- The last few calls that a session saw, with their answers, so that a repeat is told from another call.
--
-- The horizon is the latest not-after among those that were dropped: a call that is unknown and whose not-after is not
-- later may have been done. Also those that have run out raise it, in case the server's clock is set back. One that
-- lies farther ahead than any call may is from before that, and none of its calls are accepted anyway.

local function forget_first(session)
  local first = table.remove(session.ring, 1)
  session.horizon = math.max(session.horizon, first.not_after)
end

local function drop_passed(session, now)
  local kept = {}
  for _, entry in ipairs(session.ring) do
    if entry.not_after >= now then
      kept[#kept + 1] = entry
    else
      session.horizon = math.max(session.horizon, entry.not_after)
    end
  end
  session.ring = kept
end

local function remember(session, call, code, content)
  drop_passed(session, call.now)
  session.ring[#session.ring + 1] = { id = call.id, not_after = call.not_after, answer = string.char(code) .. content }
  while #session.ring > RING do
    forget_first(session)
  end
end

-- What this call was answered, as code and content; nil if it is not known.
local function recall(session, call)
  for _, entry in ipairs(session.ring) do
    if entry.id == call.id then
      return { string.byte(entry.answer), string.sub(entry.answer, 2) }
    end
  end
end
