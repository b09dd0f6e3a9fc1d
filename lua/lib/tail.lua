-- The tail of the metadata, which Rust writes and scripts pass on: class; user, with a length of 2 bytes; address, with
-- 1; user agent, with 2 (NO_AGENT: none); a byte of flags of the login; then extras to the end, each a kind, a length
-- of 2 bytes, and the content. All extras together have at most 1 KiB; the code that adds one checks that.

local function extras_of(tail)
  local at = 4 + struct.unpack('>I2', tail, 2)
  at = at + 1 + string.byte(tail, at)
  local agent = struct.unpack('>I2', tail, at)
  return string.sub(tail, at + 3 + (agent < NO_AGENT and agent or 0))
end

-- The tail after another login of the session. Class and extras are the stored ones: the caller may have loaded the
-- session before they changed, or may not support their kinds.
local function renew_tail(stored, given)
  return string.sub(stored, 1, 1) .. string.sub(given, 2) .. extras_of(stored)
end
