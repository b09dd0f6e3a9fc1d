--[[
touch: note a use, which moves the idle deadline, never past the absolute one.

KEYS[1]  session         <ns>:{bbb}:s:<id>    hash
KEYS[2]  user index      <ns>:{bbb}:u:<user>  sorted set; of a guest KEYS[1] again
ARGV[1]  operation id    8 bytes
ARGV[2]  not after       milliseconds since 1970, Redis's clock
ARGV[3]  last use seen   milliseconds since 1970
ARGV[4]  secret hash     of the current secret if this may be its first use, 32 bytes; else empty
Flags    allow-oom
Uses     call index life ring session

Returns  OK and the metadata, changed or not
         SEEN_ANOTHER and the metadata: another touch came first, and this one is due all the same
         NAME_INDEX and the metadata: the session has a user, but no user index was named
         LATE, GONE

Why a script: the state and the deadlines have to be read and the expiry set in one step, or a touch could revive an
ended session. It is not in the ring: it names the last use that the caller saw, so a repeat does nothing. `allow-oom`:
it allocates next to nothing, and a refusal at full memory would log everyone out.
]]
local key, index = KEYS[1], KEYS[2]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local seen_ms, first_use = tonumber(ARGV[3]), ARGV[4]
local session = read_session(key)
if not session or not session.alive then
  return gone(session)
end
local due = call.now - session.touched >= session.interval
local unused = session.previous and session.used == 0 and session.secret == first_use
if session.touched ~= seen_ms and due then
  return { SEEN_ANOTHER, session.packed }
elseif session.touched ~= seen_ms or not due and not unused then
  return { OK, session.packed }
end
if unused then
  session.used = call.now
end
session.touched = math.max(session.touched, call.now)
session.uses = math.min(session.uses + 1, 4294967295)
if outlasts_index(session) then
  if index == key then return { NAME_INDEX, session.packed } end
  cover(index, session)
end
drop_passed(session, call.now)
return { OK, store(key, session) }
