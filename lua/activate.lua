--[[
activate: log the parked session in, after the old session has ended.

KEYS[1]  new session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index       <ns>:{bbb}:d         sorted set
KEYS[3]  user index           <ns>:{bbb}:u:<user>  sorted set
KEYS[4]  epoch                <ns>:{bbb}:r:<user>  string
KEYS[5...] sessions of the named members
ARGV[1]  operation id         8 bytes
ARGV[2]  not after            milliseconds since 1970, Redis's clock
ARGV[3]  session id           16 bytes
ARGV[4]  remember             milliseconds that a tombstone is kept
ARGV[5]  cap                  1 to 256
ARGV[6]  policy               reject, evict
ARGV[7]  ticket good until    milliseconds since 1970; empty without a ticket
ARGV[8]  ticket's epoch       digits; empty if there was none
ARGV[9...] a count and the named members, then the delta that replaces the parked fields (lib/delta.lua), may be empty
Flags    allow-oom
Uses     call delta enter fresh gate index list ring session

Returns  OK and the session's hash, names and values in turn
         NAME_MEMBERS: possibly at the cap; call again with the members named (at most 256), under the same operation id
         LATE, STALE, EXISTS, TICKET_VOID, GONE, AT_CAP

Why a script: login time, index, cap and full life are one step, as in `login`. The ticket is checked again: the user
may have been revoked since `park`. A refusal is stored in the parked session, which then never becomes live. Without a
parked session nothing is made, so no repeat revives a session. `allow-oom`: `park` has allocated the memory; a refusal
now would lose the visitor's old session for nothing.
]]
local key, deadlines, index = KEYS[1], KEYS[2], KEYS[3]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local remember_ms, members, at = tonumber(ARGV[4]), read_list(ARGV, 9)
local delta = read_delta(ARGV, at)
local session = read_session(key)
if not session or session.state ~= PARKED or recall(session, call) then
  local live, reply = begin(key, call)
  if live then
    return { EXISTS, '' }
  elseif reply[1] == OK then
    return whole(key)
  end
  return reply
end
local epoch = redis.call('GET', KEYS[4])
local crowd = crowd_of(index, nil, keys_of(members, KEYS, 5))
local too_many, at_cap = surplus(crowd, tonumber(ARGV[5]), ARGV[6])
local refusal = is_void(epoch, ARGV[7], ARGV[8], call.now) and TICKET_VOID or at_cap
if refusal then
  return refuse(key, session, call, refusal)
end
evict(crowd, too_many, deadlines, index, call, remember_ms)
if not is_empty(delta) then
  apply(key, delta)
  session.size = bytes_of(delta.sets)
end
session.state, session.since, session.touched = 0, login_ms(index, epoch, call.now), call.now
enter(key, session, ARGV[3], deadlines, index, call)
return whole(key)
