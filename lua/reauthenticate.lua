--[[
reauthenticate: log the same user in again: same id and fields, new secret, new login time; or join another login.

KEYS[1]  session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index   <ns>:{bbb}:d         sorted set
KEYS[3]  user index       <ns>:{bbb}:u:<user>  sorted set
KEYS[4]  epoch            <ns>:{bbb}:r:<user>  string
KEYS[5...] sessions of the named members
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  session id       16 bytes
ARGV[4]  generation       as loaded; empty to join (lib/join.lua): then ARGV[6] to [8] and [11] to [13] are empty too
ARGV[5]  secret hash      32 bytes
ARGV[6]  idle timeout       milliseconds
ARGV[7]  absolute timeout   milliseconds
ARGV[8]  touch interval     milliseconds
ARGV[9]  tail             user, client and flags, packed; class and extras stay (lib/tail.lua); without flags to join
ARGV[10] owner            the user as in the tail, with its length
ARGV[11] remember         milliseconds that a tombstone is kept
ARGV[12] cap              1 to 256
ARGV[13] policy           reject, evict
ARGV[14] ticket good until  milliseconds since 1970; empty without a ticket
ARGV[15] ticket's epoch   digits; empty if there was none
ARGV[16] max fields
ARGV[17] max bytes
ARGV[18...] a count and the named members, then the delta (lib/delta.lua)
Flags    none
Uses     call delta enter fresh gate index join limits list session tail

Returns  OK and the session's hash, names and values in turn
         NAME_MEMBERS: the cap was lowered; call again with the members named (at most 256), under the same operation id
         LATE, STALE, TICKET_VOID, GONE (another user's without a reason), CONFLICT, TOO_MANY_FIELDS, TOO_MANY_BYTES,
         AT_CAP; to join also MOVED_ON: still parked; NOT_JOINED: log in without a session

Why a script: secret, generation, login time, index and deadline change in one step, or a revocation could miss the
session. The old secret is void at once. Uses are counted from 0 again: a use of the old secret does not show that a
client has the new one. The version rises even without changes, so that a conditional save from before the login
conflicts. A join changes the secret alone, as `rotate` does; with a new generation, the first login's own save would be
refused.
]]
local key, deadlines, index = KEYS[1], KEYS[2], KEYS[3]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local id, generation, secret, remember_ms = ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[11])
assert(#secret == 32, 'a secret hash has 32 bytes')
local members, at = read_list(ARGV, 18)
local delta = read_delta(ARGV, at)
if not generation then
  local refused = join_refusal(key, call, ARGV[10], ARGV[9])
  if refused then return refused end
end
local session, reply = begin(key, call)
local epoch = redis.call('GET', KEYS[4])
if not session and reply[1] == OK then
  return whole(key)
elseif not session and reply[1] ~= GONE then
  return reply
elseif is_void(epoch, ARGV[14], ARGV[15], call.now) then
  return refuse(key, session, call, TICKET_VOID)
elseif not session then
  return reply
elseif not is_owned(session, ARGV[10]) then
  return settle(key, session, call, GONE, '\0')
elseif generation and session.generation ~= generation then
  return settle(key, session, call, CONFLICT, '')
end
local crowd, too_many, at_cap
if generation then
  crowd = crowd_of(index, member_of(id), keys_of(members, KEYS, 5))
  too_many, at_cap = surplus(crowd, tonumber(ARGV[12]), ARGV[13])
end
local fields, bytes, had = weigh(key, session, delta)
local refusal = excess(fields, bytes, ARGV[16], ARGV[17], had, session.size) or at_cap
if refusal then
  return refuse(key, session, call, refusal)
end
session.size = bytes
if generation or not is_empty(delta) then
  session.version = session.version + 1
end
if not generation then return join(key, session, call, secret, delta) end
session.since, session.touched = login_ms(index, epoch, call.now), call.now
session.idle, session.absolute, session.interval = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
session.secret, session.previous, session.tail = secret, nil, renew_tail(session.tail, ARGV[9])
session.uses = 0
session.generation = session.generation + 1
evict(crowd, too_many, deadlines, index, call, remember_ms)
apply(key, delta)
enter(key, session, id, deadlines, index, call)
return whole(key)
