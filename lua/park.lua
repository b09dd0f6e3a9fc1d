--[[
park: store a login's new session in the user's slot, not live yet, while the old session is in another slot.

KEYS[1]  new session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  user index           <ns>:{bbb}:u:<user>  sorted set
KEYS[3]  epoch                <ns>:{bbb}:r:<user>  string
KEYS[4...] sessions of the named members
ARGV[1]  operation id         8 bytes
ARGV[2]  not after            milliseconds since 1970, Redis's clock
ARGV[3]  secret hash          32 bytes
ARGV[4]  idle timeout         milliseconds
ARGV[5]  absolute timeout     milliseconds
ARGV[6]  touch interval       milliseconds
ARGV[7]  grace                milliseconds
ARGV[8]  tail                 class, user and client, packed
ARGV[9]  cap                  1 to 256
ARGV[10] policy               reject, evict
ARGV[11] ticket good until    milliseconds since 1970; empty without a ticket
ARGV[12] ticket's epoch       digits; empty if there was none
ARGV[13] max fields
ARGV[14] max bytes
ARGV[15...] a count and the named members, then the carried fields as a delta (lib/delta.lua) that only sets
Flags    none
Uses     call delta enter fields fresh gate limits list meta ring session

Returns  OK and nothing
         NAME_MEMBERS: possibly at a cap that rejects; call again with the members named (at most 256), under the same
         operation id
         LATE, EXISTS, TICKET_VOID, TOO_MANY_FIELDS, TOO_MANY_BYTES, AT_CAP

Why a script: id, ticket and cap have to be checked in the step that writes. A parked session is in no index, evicts
nobody, loads as unknown and expires after 5 minutes, when no repeat can arrive any more. A login that is refused here
has not ended the old session. `activate` checks ticket and cap again.
]]
local key, index = KEYS[1], KEYS[2]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local members, at = read_list(ARGV, 15)
local delta = read_delta(ARGV, at)
local before = read_session(key)
if before then
  return recall(before, call) or { EXISTS, '' }
elseif is_void(redis.call('GET', KEYS[3]), ARGV[11], ARGV[12], call.now) then
  return { TICKET_VOID, '' }
end
local session = fresh(call.now, ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8])
session.size = bytes_of(delta.sets)
local refusal = excess(#delta.sets / 2, session.size, ARGV[13], ARGV[14])
if not refusal and ARGV[10] == 'reject' then
  local _, at_cap = surplus(crowd_of(index, nil, keys_of(members, KEYS, 4)), tonumber(ARGV[9]), ARGV[10])
  refusal = at_cap
end
if refusal == AT_CAP then
  return refuse_place(key, session, call, AT_CAP)
elseif refusal then
  return { refusal, '' }
end
session.state = PARKED
remember(session, call, OK, '')
redis.call('HSET', key, '@', pack_meta(session), unpack(lay_out(delta.sets)))
redis.call('PEXPIRE', key, PARKED_MS)
return { OK, '' }
