--[[
touch: note a use, pushing back the idle deadline, never past the absolute one.

KEYS[1]  session         <ns>:{bbb}:s:<id>    hash
KEYS[2]  user index      <ns>:{bbb}:u:<user>  sorted set; of a guest KEYS[1] again
ARGV[1]  operation id    8 bytes
ARGV[2]  not after       milliseconds since 1970, Redis's clock
ARGV[3]  last use seen   milliseconds since 1970
ARGV[4]  secret hash     32 bytes: the current secret, if this may be its first use; else empty
Flags    allow-oom

Returns  OK and the metadata, changed or not
         SEEN_ANOTHER and the metadata: another touch came between, and this one is due all the same
         NAME_INDEX and the metadata: a user's session was taken for a guest's
         LATE, GONE

Why a script: whether the session lives, and for how long it may, has to be read and the expiry set in one step, or a
touch could revive what has ended. It is no entry in the ring: it names the last use that it saw, so a repeat does
nothing. It allocates next to nothing; refused at full memory it would log out everyone.
]]
local key, index = KEYS[1], KEYS[2]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local seen_ms, first_use = tonumber(ARGV[3]), ARGV[4]
local session = read_session(key)
if not session or not session.alive then
  return gone(session)
end
local due = call.now - session.touched >= session.interval
local unused = session.previous and session.used == 0 and session.secret == first_use
if session.touched ~= seen_ms then
  return { due and SEEN_ANOTHER or OK, session.packed }
elseif not due and not unused then
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
