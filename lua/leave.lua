--[[
leave: end the old session of a login whose new session is parked in another slot.

KEYS[1]  session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index   <ns>:{bbb}:d         sorted set
KEYS[3]  user index       <ns>:{bbb}:u:<user>  sorted set; of a guest KEYS[2] again
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  session id       16 bytes
ARGV[4]  generation       as loaded
ARGV[5]  version          of the parked fields
ARGV[6]  remember         milliseconds that the tombstone is kept
ARGV[7]  max fields
ARGV[8]  max bytes
ARGV[9]  successor's id   of the parked session, 16 bytes
ARGV[10] door             milliseconds that the session is kept as a door to its successor; 0: no door
ARGV[11...] a count and the names of fields to carry, then the delta (lib/delta.lua)
Flags    none
Uses     call carry delta index limits list session tombstone tombstone_fields

Returns  OK and a pair: 0 if the parked fields are still valid, else 1; the carried fields, names and values in turn
         LATE, STALE, GONE, CONFLICT, TOO_MANY_FIELDS, TOO_MANY_BYTES

Why a script: the login carries what an acknowledged save has written since the fields were read, so they have to be
read again in the step that ends the session. The tombstone stores them for a repeat, or a lost reply would lose that
save. Nothing else reads a tombstone's fields.
]]
local key, deadlines, index = KEYS[1], KEYS[2], KEYS[3]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local id, generation, version, remember_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local door_ms, keep, at = tonumber(ARGV[10]), read_list(ARGV, 11)
local delta = read_delta(ARGV, at)
local session, reply = begin(key, call, generation)
if not session and reply[1] == OK then
  return { OK, { reply[2], tombstone_fields(key) } }
elseif not session then
  return reply
end
local changed, carried = '0', {}
if session.version ~= version then
  changed, carried = '1', carry(key, keep, delta)
end
local refusal = excess(#carried / 2, bytes_of(carried), ARGV[7], ARGV[8])
if refusal then
  return settle(key, session, call, refusal, '')
end
unlist(deadlines, index, member_of(id))
session.door = door_ms > 0
if session.door or is_guest(session) then
  session.successor = ARGV[9]
end
tombstone(key, session, LOGGED_IN, call, math.max(remember_ms, door_ms), OK, changed)
if #carried > 0 then
  redis.call('HSET', key, unpack(carried))
end
return { OK, { changed, carried } }
