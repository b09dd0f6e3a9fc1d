--[[
retime: change a session's timeouts; counts as a use.

KEYS[1]  session            <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index     <ns>:{bbb}:d         sorted set
KEYS[3]  user index         <ns>:{bbb}:u:<user>  sorted set; of a guest KEYS[2] again
ARGV[1]  operation id       8 bytes
ARGV[2]  not after          milliseconds since 1970, Redis's clock
ARGV[3]  session id         16 bytes
ARGV[4]  generation         as loaded
ARGV[5]  idle timeout       milliseconds
ARGV[6]  absolute timeout   milliseconds
ARGV[7]  touch interval     milliseconds
ARGV[8]  remember           milliseconds that the tombstone is kept
Flags    none
Uses     call index life ring session tombstone

Returns  OK and the new metadata
         GONE, expired: the session is older than its new absolute timeout and was ended
         NAME_INDEX and the metadata: the session has a user, but no user index was named
         LATE, STALE, GONE, CONFLICT

Why a script: the new deadline depends on stored times, and has to be in the key's expiry and in the deadline index in
one step. A key outlives a very short life for repeats (lib/life.lua).
]]
local key, deadlines, index = KEYS[1], KEYS[2], KEYS[3]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local id, generation, remember_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[8])
local session, reply = begin(key, call, generation)
if not session then return reply end
session.idle, session.absolute, session.interval = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
session.touched = call.now
local deadline = deadline_ms(session)
if deadline <= call.now then
  unlist(deadlines, index, member_of(id))
  tombstone(key, session, EXPIRED, call, remember_ms, GONE, string.char(EXPIRED))
  return { GONE, string.char(EXPIRED) }
end
if outlasts_index(session) then
  if index == deadlines then return { NAME_INDEX, session.packed } end
  cover(index, session)
end
remember(session, call, OK, '')
redis.call('ZADD', deadlines, deadline, id)
return { OK, store(key, session) }
