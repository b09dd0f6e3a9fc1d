--[[
rotate: give the session a new secret; the old one becomes the previous one.

KEYS[1]  session          <ns>:{bbb}:s:<id>   hash
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  generation       as loaded
ARGV[4]  presented        hash of the secret that the client presented, 32 bytes
ARGV[5]  current          hash of the current secret as loaded, 32 bytes
ARGV[6]  loaded           time of the load, milliseconds since 1970
ARGV[7]  new              hash of the new secret, 32 bytes
ARGV[8]  previous grace   milliseconds that the previous secret works after the first use of the new one
ARGV[9]  settling time    milliseconds after a rotation in which the previous secret cannot rotate again
ARGV[10] CSRF digest      16 bytes of a hash of the presented secret's CSRF token
ARGV[11] its life         milliseconds that forms from before this rotation are accepted
ARGV[12] max digests
Flags    none
Uses     call former session

Returns  OK and the new metadata
         ALREADY_ROTATED: another rotation came first, and the presented secret still opens the session
         LATE, STALE, GONE (without a reason: the presented secret does not open it any more), CONFLICT

Why a script: two concurrent rotations must not both replace the same secret, and the secret to replace depends on
whether the new one was used. The previous secret replaces an unused new one only if the caller loaded the session after
the settling time: before it, a client may still receive the new one.
]]
local key = KEYS[1]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local generation, presented, current, loaded_ms = tonumber(ARGV[3]), ARGV[4], ARGV[5], tonumber(ARGV[6])
local new, grace_ms, settling_ms = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
local csrf, csrf_life_ms, most = ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12])
assert(#new == 32 and #csrf == 16, 'a secret hash has 32 bytes, a CSRF digest 16')
local session, reply = begin(key, call, generation)
if not session then return reply end
if presented == session.secret then
  session.previous = session.secret
elseif presented ~= session.previous or (session.used > 0 and call.now > session.used + grace_ms) then
  return settle(key, session, call, GONE, '\0')
else
  local settled_ms = session.rotated + settling_ms
  local lost = session.used == 0 and call.now > settled_ms and loaded_ms > settled_ms and session.secret == current
  if not lost then
    return settle(key, session, call, ALREADY_ROTATED, '')
  end
end
session.secret, session.rotated, session.used = new, call.now, 0
session.former = note_former(session.former, csrf, call.now, csrf_life_ms, most)
return settle(key, session, call, OK)
