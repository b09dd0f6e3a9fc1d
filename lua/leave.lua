--[[
leave: end the session before a login whose new session is parked in another slot.

KEYS[1]  session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index   <ns>:{bbb}:d         sorted set
KEYS[3]  user index       <ns>:{bbb}:u:<user>  sorted set; of a guest KEYS[2] again
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  session id       16 bytes
ARGV[4]  generation       as loaded
ARGV[5]  version          of the fields that were parked
ARGV[6]  remember         milliseconds that the tombstone stays
ARGV[7]  most fields
ARGV[8]  most bytes
ARGV[9]  successor's id   16 bytes: what is parked
ARGV[10] door             milliseconds that the session stays as a door to its successor; 0 if it is none
ARGV[11...] a count and the names of fields to carry, then the delta (lib/delta.lua)
Flags    none

Returns  OK and two: 0 if the parked fields still stand, else 1; what is carried now, names and values in turn
         LATE, STALE, GONE, CONFLICT, TOO_MANY_FIELDS, TOO_MANY_BYTES

Why a script: what an acknowledged save has written since the fields were read goes with the login, so it has to be read
in the step that ends the session. The tombstone keeps it: a repeat is answered as the first time, or a lost answer
would lose that save. Nothing else reads a tombstone's fields.
]]
local key, deadlines, index = KEYS[1], KEYS[2], KEYS[3]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local id, generation, version, remember_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local door_ms, keep, at = tonumber(ARGV[10]), read_list(ARGV, 11)
local delta = read_delta(ARGV, at)
local session, answer = begin(key, call, generation)
if not session then
  return answer[1] == OK and { OK, { answer[2], kept_in(key) } } or answer
end
local changed = session.version ~= version
local carried = changed and carry(key, keep, delta) or {}
local refusal = excess(#carried / 2, bytes_of(carried), ARGV[7], ARGV[8])
if refusal then
  return settle(key, session, call, refusal, '')
end
unlist(deadlines, index, member_of(id))
session.door = door_ms > 0
session.successor = (session.door or is_guest(session)) and ARGV[9] or nil
bury(key, session, LOGGED_IN, call, math.max(remember_ms, door_ms), OK, changed and '1' or '0')
if #carried > 0 then
  redis.call('HSET', key, unpack(carried))
end
return { OK, { changed and '1' or '0', carried } }
