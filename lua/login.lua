--[[
login: log a user in under a new id; end the old session and, at the cap, the user's earliest logins.

KEYS[1]  new session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index       <ns>:{bbb}:d         sorted set
KEYS[3]  user index           <ns>:{bbb}:u:<user>  sorted set
KEYS[4]  epoch                <ns>:{bbb}:r:<user>  string
KEYS[5]  old session          <ns>:{bbb}:s:<id>    hash; KEYS[1] again if there is none
KEYS[6]  its deadline index   <ns>:{bbb}:d         sorted set; KEYS[2] again if there is none
KEYS[7]  its user's index     <ns>:{bbb}:u:<user>  sorted set; of a guest KEYS[6] again
KEYS[8...] sessions of the named members
ARGV[1]  operation id         8 bytes
ARGV[2]  not after            milliseconds since 1970, Redis's clock
ARGV[3]  new session's id     16 bytes
ARGV[4]  its secret hash      32 bytes
ARGV[5]  its idle timeout       milliseconds
ARGV[6]  its absolute timeout   milliseconds
ARGV[7]  its touch interval     milliseconds
ARGV[8]  its grace              milliseconds
ARGV[9]  its tail             class, user and client, packed
ARGV[10] old session's id     16 bytes; empty if there is none
ARGV[11] its generation       as loaded; empty if there is none
ARGV[12] remember             milliseconds that a tombstone is kept
ARGV[13] cap                  1 to 256
ARGV[14] policy               reject, evict
ARGV[15] ticket good until    milliseconds since 1970; empty without a ticket
ARGV[16] ticket's epoch       digits; empty if there was none
ARGV[17] max fields
ARGV[18] max bytes
ARGV[19] door                 milliseconds that the old session is kept as a door to the new one; 0: no door
ARGV[20...] a count and the named members, a count and the names of fields to keep, then the delta (lib/delta.lua)
Flags    none
Uses     call carry delta enter fresh gate index limits list ring session tombstone

Returns  OK and the new session's hash, names and values in turn
         NAME_MEMBERS: possibly at the cap; call again with the members named (at most 256), under the same operation id
         LATE, STALE, EXISTS, TICKET_VOID, GONE, CONFLICT, TOO_MANY_FIELDS, TOO_MANY_BYTES, AT_CAP

Why a script: new session, index, cap, epoch and the old session's end are one step, or a crash or a second login in
between would leave two sessions, none, or one that a revocation missed. Outside a Cluster the old session may be in
another bucket; in a Cluster the caller uses `park`, `leave`, `activate`. Members that are not named count as live. A
repeat finds the operation in the new session; if that has ended since, it is GONE. A refusal is stored in the old
session. Without one, AT_CAP is stored under the new id, where only repeats find it: a repeat that found room would make
a session whose token nobody has.
]]
local key, deadlines, index, old_key, old_index = KEYS[1], KEYS[2], KEYS[3], KEYS[5], KEYS[7]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local remember_ms, door_ms, members, at = tonumber(ARGV[12]), tonumber(ARGV[19]), read_list(ARGV, 20)
local keep, delta_at = read_list(ARGV, at)
local delta = read_delta(ARGV, delta_at)
local before = read_session(key)
if before then
  local first = recall(before, call) or { EXISTS, '' }
  if first[1] ~= OK then
    return first
  elseif before.alive then
    return whole(key)
  end
  return gone(before)
end
local epoch = redis.call('GET', KEYS[4])
if is_void(epoch, ARGV[15], ARGV[16], call.now) then
  return { TICKET_VOID, '' }
end
local old, reply
if old_key ~= key then
  old, reply = begin(old_key, call, tonumber(ARGV[11]))
  if not old then return reply end
end
local leaving = old and member_of(ARGV[10])
local carried = carry(old and old_key, keep, delta)
local crowd = crowd_of(index, leaving, keys_of(members, KEYS, 8))
local too_many, at_cap = surplus(crowd, tonumber(ARGV[13]), ARGV[14])
local refusal = excess(#carried / 2, bytes_of(carried), ARGV[17], ARGV[18]) or at_cap
local new = fresh(call.now, ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
if refusal == AT_CAP and not old then
  return refuse_place(key, new, call, AT_CAP)
elseif refusal then
  return refuse(old_key, old, call, refusal)
end
new.since, new.size = login_ms(index, epoch, call.now), bytes_of(carried)
evict(crowd, too_many, deadlines, index, call, remember_ms)
if old then
  unlist(KEYS[6], old_index, leaving)
  old.door = door_ms > 0
  if old.door or is_guest(old) then
    old.successor = ARGV[3]
  end
  tombstone(old_key, old, LOGGED_IN, call, math.max(remember_ms, door_ms), OK, '')
end
enter(key, new, ARGV[3], deadlines, index, call, carried)
return whole(key)
