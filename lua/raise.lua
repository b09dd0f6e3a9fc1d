--[[
raise: raise a user's revocation epoch, which voids earlier tickets and is not earlier than any login so far.

KEYS[1]  epoch           <ns>:{bbb}:r:<user>  string
KEYS[2]  user index      <ns>:{bbb}:u:<user>  sorted set; KEYS[1] again to set the given epoch
KEYS[3]  staying session <ns>:{bbb}:s:<id>    hash; KEYS[1] again if none stays
ARGV[1]  operation id    8 bytes
ARGV[2]  not after       milliseconds since 1970, Redis's clock
ARGV[3]  epoch           at least this, milliseconds since 1970: now, or the old epoch + 1, both read before
ARGV[4]  life            milliseconds until the epoch expires
ARGV[5]  owner           the user as in the staying session's tail, with its length; empty if none stays
Flags    allow-oom
Uses     call index session

Returns  OK and the epoch, digits
         LATE, STALE, GONE (without a reason): the staying session is not a live one of this user

Why a script: no login before this step may be later than the epoch, and tickets from before it are void after it, so
the latest login has to be read in the step that sets the epoch. An epoch is only raised, so a repeat changes nothing
and two concurrent revocations cannot undo each other. While the slot moves, the index may be on another server: then
the caller has read the latest login and gives an epoch with a margin.
]]
local epoch, index, staying = KEYS[1], KEYS[2], KEYS[3]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local least_ms, life_ms, owner = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local session, reply
if staying ~= epoch then
  session, reply = begin(staying, call)
  if session and not is_owned(session, owner) or not session and reply[1] == GONE then
    return { GONE, '\0' }
  elseif not session then
    return reply
  end
end
local raised = redis.call('GET', epoch)
if not raised or tonumber(raised) < least_ms then
  local latest = {}
  if index ~= epoch then
    latest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  end
  raised = string.format('%.0f', math.max(least_ms, tonumber(latest[2] or 0)))
  redis.call('SET', epoch, raised, 'PX', life_ms)
end
if session then
  return settle(staying, session, call, OK, raised)
end
return { OK, raised }
