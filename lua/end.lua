--[[
end: end a session, and put a guest's in its place if there is something to keep.

KEYS[1]  session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index   <ns>:{bbb}:d         sorted set
KEYS[3]  user index       <ns>:{bbb}:u:<user>  sorted set; of a guest KEYS[2] again
KEYS[4]  successor        <ns>:{bbb}:s:<id>    hash; KEYS[1] again if none is to follow
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  session id       16 bytes
ARGV[4]  generation       as loaded; with the reason UNDELIVERED the secret's hash and the uses, 36 bytes
         (lib/undelivered.lua)
ARGV[5]  reason           its byte, as a number
ARGV[6]  remember         milliseconds that the tombstone stays
ARGV[7]  successor's id   16 bytes; this and all that follow are empty if none is to follow
ARGV[8]  its secret hash  32 bytes
ARGV[9]  its idle timeout       milliseconds
ARGV[10] its absolute timeout   milliseconds
ARGV[11] its touch interval     milliseconds
ARGV[12] its grace              milliseconds
ARGV[13] its tail         class, user and client, packed
ARGV[14] most fields
ARGV[15] most bytes
ARGV[16...] a count and the names of fields to keep, then the delta (lib/delta.lua)
Flags    allow-oom

Returns  OK and the successor's hash, names and values in turn; empty if none follows
         LATE, STALE, GONE, CONFLICT, EXISTS, TOO_MANY_FIELDS, TOO_MANY_BYTES
         with the reason UNDELIVERED, CONFLICT: the session lives on

Why a script: the tombstone, both index entries and the successor have to appear in one step, at full memory too, or a
save in flight could slip in between. A repeat finds the operation in the tombstone; the successor is then answered as
it stands, and as none if it has ended meanwhile, since nothing follows any more.
]]
local key, deadlines, index, successor = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local reason, remember_ms = tonumber(ARGV[5]), tonumber(ARGV[6])
local session, answer = begin_end(key, call, reason, ARGV[4])
if not session then
  local next = answer[1] == OK and read_session(successor)
  return answer[1] ~= OK and answer or next and next.alive and whole(successor) or { OK, {} }
end
local carried = {}
if successor ~= key then
  local keep, at = read_list(ARGV, 16)
  carried = carry(key, keep, read_delta(ARGV, at))
end
local follows = #carried > 0
local refusal = follows and (redis.call('EXISTS', successor) == 1 and EXISTS
  or excess(#carried / 2, bytes_of(carried), ARGV[14], ARGV[15]))
if refusal then
  return settle(key, session, call, refusal, '')
end
local guest = follows and fresh(call.now, ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13])
unlist(deadlines, index, member_of(ARGV[3]))
bury(key, session, reason, call, remember_ms, OK, follows and '\1' or '\0')
if not follows then
  return { OK, {} }
end
guest.size = bytes_of(carried)
enter(successor, guest, ARGV[7], deadlines, nil, call, carried)
return whole(successor)
