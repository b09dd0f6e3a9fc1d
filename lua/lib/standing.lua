-- Whether fields may be written that were changed before the user's last login.

-- `OK` if the session was loaded at its present generation; `OVERTAKEN` if at the one before, and the login between
-- them is no older than that; else `CONFLICT`. Not two generations ago: each login would let in again whoever an
-- earlier login has shut out.
local function standing(session, generation, now)
  if generation == session.generation then
    return OK
  end
  local late = generation == session.generation - 1 and now <= session.since + LATE_WRITE_MS
  return late and OVERTAKEN or CONFLICT
end
