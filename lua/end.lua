--[[
end: end a session; a guest session follows if there are fields to keep.

KEYS[1]  session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index   <ns>:{bbb}:d         sorted set
KEYS[3]  user index       <ns>:{bbb}:u:<user>  sorted set; of a guest KEYS[2] again
KEYS[4]  successor        <ns>:{bbb}:s:<id>    hash; KEYS[1] again without a successor
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  session id       16 bytes
ARGV[4]  generation       as loaded; with the reason UNDELIVERED the secret's hash and the uses, 36 bytes
         (lib/undelivered.lua)
ARGV[5]  reason           its byte, as a number
ARGV[6]  remember         milliseconds that the tombstone is kept
ARGV[7]  successor's id   16 bytes; this and all that follow are empty without a successor
ARGV[8]  its secret hash  32 bytes
ARGV[9]  its idle timeout       milliseconds
ARGV[10] its absolute timeout   milliseconds
ARGV[11] its touch interval     milliseconds
ARGV[12] its grace              milliseconds
ARGV[13] its tail         class, user and client, packed
ARGV[14] max fields
ARGV[15] max bytes
ARGV[16...] a count and the names of fields to keep, then the delta (lib/delta.lua)
Flags    allow-oom
Uses     call carry delta enter fresh index limits list session tombstone undelivered

Returns  OK and the successor's hash, names and values in turn; empty without a successor
         LATE, STALE, GONE, CONFLICT, EXISTS, TOO_MANY_FIELDS, TOO_MANY_BYTES
         CONFLICT with the reason UNDELIVERED: the session stays live

Why a script: the tombstone, both index entries and the successor have to change in one step, at full memory too, or a
save in flight could run in between. A repeat finds the operation in the tombstone and gets the successor in its present
state, or nothing if the successor has ended meanwhile.
]]
local key, deadlines, index, successor = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local reason, remember_ms = tonumber(ARGV[5]), tonumber(ARGV[6])
local session, reply = begin_end(key, call, reason, ARGV[4])
if not session and reply[1] == OK then
  local existing = read_session(successor)
  if existing and existing.alive then
    return whole(successor)
  end
  return { OK, {} }
elseif not session then
  return reply
end
local carried, guest = {}, nil
if successor ~= key then
  local keep, at = read_list(ARGV, 16)
  carried = carry(key, keep, read_delta(ARGV, at))
end
if #carried > 0 then
  guest = fresh(call.now, ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13])
  guest.size = bytes_of(carried)
  local refusal = excess(#carried / 2, guest.size, ARGV[14], ARGV[15])
  if redis.call('EXISTS', successor) == 1 then
    refusal = EXISTS
  end
  if refusal then
    return settle(key, session, call, refusal, '')
  end
end
unlist(deadlines, index, member_of(ARGV[3]))
tombstone(key, session, reason, call, remember_ms, OK, guest and '\1' or '\0')
if not guest then
  return { OK, {} }
end
enter(successor, guest, ARGV[7], deadlines, nil, call, carried)
return whole(successor)
