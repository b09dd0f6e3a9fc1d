--[[
lead: have a door lead to the session that follows, and stay for at least as long as said.

KEYS[1]  door            <ns>:{bbb}:s:<id>    hash
ARGV[1]  operation id    8 bytes
ARGV[2]  not after       milliseconds since 1970, Redis's clock
ARGV[3]  leads to        16 bytes: the id of the session that it leads to, as the caller has seen it
ARGV[4]  successor       16 bytes: the id of the session that it is to lead to; the same to have it stay
ARGV[5]  stay            milliseconds from now
Flags    allow-oom

Returns  OK
         GONE: no door that leads there
         LATE, STALE

Why a script: where the door leads is compared and replaced in one step, or the slower of two logins would point it
back. The door remembers the call as a live session would: a repeat does not have it stay longer. Refused at full memory
it would log out everyone behind a door.
]]
local key = KEYS[1]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local leads_to, successor, stay_ms = ARGV[3], ARGV[4], tonumber(ARGV[5])
local door = read_session(key)
answer = door and recall(door, call)
if answer then
  return answer
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
