-- The last calls of a session with their replies, by which a repeat is recognized.
--
-- The horizon is the latest not-after of the calls that were dropped: an unknown call with a not-after up to the
-- horizon may have been executed. Calls past their not-after raise it too, in case the server's clock is set back. A
-- horizon farther ahead than FARTHEST_MS is from before the clock was set back; its calls would be LATE anyway.

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
  session.ring[#session.ring + 1] = { id = call.id, not_after = call.not_after, reply = string.char(code) .. content }
  while #session.ring > RING do
    forget_first(session)
  end
end

-- The reply that this call got, as code and content; nil if the call is unknown.
local function recall(session, call)
  for _, entry in ipairs(session.ring) do
    if entry.id == call.id then
      return { string.byte(entry.reply), string.sub(entry.reply, 2) }
    end
  end
end
