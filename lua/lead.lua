--[[
lead: point a door at the session that follows, and extend the door's expiry.

KEYS[1]  door            <ns>:{bbb}:s:<id>    hash
ARGV[1]  operation id    8 bytes
ARGV[2]  not after       milliseconds since 1970, Redis's clock
ARGV[3]  leads to        id of the session that the door opens, as loaded, 16 bytes
ARGV[4]  successor       id of the session that the door is to open, 16 bytes; may be the same
ARGV[5]  stay            milliseconds from now that the door is kept at least
Flags    allow-oom
Uses     call life meta ring session

Returns  OK
         GONE: not a door, or it opens another session
         LATE, STALE

Why a script: the target is compared and replaced in one step, or the slower of two logins would point the door back.
The ring has the call, as in a live session: a repeat does not extend the expiry again. `allow-oom`: a refusal at full
memory would log out everyone behind a door.
]]
local key = KEYS[1]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local leads_to, successor, stay_ms = ARGV[3], ARGV[4], tonumber(ARGV[5])
local door = read_session(key)
local reply = door and recall(door, call)
if reply then
  return reply
elseif not door or door.alive then
  return gone(nil)
elseif not door.door or door.successor ~= leads_to then
  return gone(door)
elseif call.not_after <= door.horizon and door.horizon <= call.now + FARTHEST_MS then
  return { STALE, string.format('%.0f', door.horizon) }
end
door.successor = successor
remember(door, call, OK, '')
redis.call('HSET', key, '@', pack_meta(door))
if redis.call('PTTL', key) < stay_ms then
  redis.call('PEXPIRE', key, stay_ms)
end
return { OK, '' }
