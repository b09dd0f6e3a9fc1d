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
         LATE

Why a script: where the door leads is compared and replaced in one step, or the slower of two logins would point it
back. It is no entry in the ring: it names what it replaces, so a repeat does nothing. It allocates nothing; refused at
full memory it would log out everyone behind a door.
]]
local key = KEYS[1]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local leads_to, successor, stay_ms = ARGV[3], ARGV[4], tonumber(ARGV[5])
local door = read_session(key)
if not door or door.alive then
  return gone(nil)
elseif not door.door or door.successor ~= leads_to then
  return gone(door)
end
if successor ~= leads_to then
  door.successor = successor
  redis.call('HSET', key, '@', pack_meta(door))
end
if redis.call('PTTL', key) < stay_ms then
  redis.call('PEXPIRE', key, stay_ms)
end
return { OK, '' }
