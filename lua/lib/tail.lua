-- What of a session only Rust writes and scripts pass on: class; user, its length in two bytes; address, in one; user
-- agent, in two, or NO_AGENT; a byte of flags that belong to the login; then extras up to the end of the string, each a
-- kind, a length of two bytes and as many bytes. All extras together have 1 KiB at most: whoever adds one checks that.

local function extras_of(tail)
  local at = 4 + struct.unpack('>I2', tail, 2)
  at = at + 1 + string.byte(tail, at)
  local agent = struct.unpack('>I2', tail, at)
  return string.sub(tail, at + 3 + (agent < NO_AGENT and agent or 0))
end

-- The tail after another login of the same session. Class and extras are those that are stored: the caller may have
-- loaded the session before they changed, or not know their kinds.
local function renew_tail(stored, given)
  return string.sub(stored, 1, 1) .. string.sub(given, 2) .. extras_of(stored)
end
