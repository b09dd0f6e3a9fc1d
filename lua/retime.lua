--[[
retime: change a session's timeouts at once; counts as a use.

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
ARGV[8]  remember           milliseconds that the tombstone stays
Flags    none

Returns  OK and the metadata after it
         GONE, expired: it has outlived its new absolute timeout, and was ended
         NAME_INDEX and the metadata: a user's session was taken for a guest's
         LATE, STALE, GONE, CONFLICT

Why a script: the new deadline follows from what is stored, and a shorter life has to be in both the key's expiry and
the deadline index at once. A life shorter than the time in which repeats may come keeps the key for them
(lib/life.lua).
]]
local key, deadlines, index = KEYS[1], KEYS[2], KEYS[3]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local id, generation, remember_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[8])
local session, answer = begin(key, call, generation)
if not session then return answer end
session.idle, session.absolute, session.interval = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
session.touched = call.now
local deadline = deadline_ms(session)
if deadline <= call.now then
  unlist(deadlines, index, member_of(id))
  bury(key, session, EXPIRED, call, remember_ms, GONE, string.char(EXPIRED))
  return { GONE, string.char(EXPIRED) }
end
if outlasts_index(session) then
  if index == deadlines then return { NAME_INDEX, session.packed } end
  cover(index, session)
end
remember(session, call, OK, '')
redis.call('ZADD', deadlines, deadline, id)
return { OK, store(key, session) }
