-- Whether a write from before the user's last login is accepted.

-- `OK` if the session was loaded at its present generation; `OVERTAKEN` if at the one before, and the login since is at
-- most LATE_WRITE_MS old; else `CONFLICT`. Two generations are too many: each further login would admit again a writer
-- that an earlier one shut out.
local function standing(session, generation, now)
  if generation == session.generation then
    return OK
  end
  local late = generation == session.generation - 1 and now <= session.since + LATE_WRITE_MS
  if late then
    return OVERTAKEN
  end
  return CONFLICT
end
