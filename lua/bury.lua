--[[
bury: end one session by its key alone, while its slot moves and its other keys may lie on another server.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  operation id   8 bytes
ARGV[2]  not after      milliseconds since 1970, Redis's clock
ARGV[3]  generation     as loaded; empty for any; with the reason UNDELIVERED as for `end`
ARGV[4]  reason         its byte, as a number
ARGV[5]  remember       milliseconds that the tombstone stays
ARGV[6]  latest login   milliseconds since 1970: a later one is left; empty for any
ARGV[7]  owner          the user as the tail has it, with its length: another's is left; empty for anyone's
ARGV[8] listed         1: the user's index has it, so it ends also if this version cannot read it; empty: it is left
ARGV[9...] a count and the names of fields to carry, then the delta (lib/delta.lua)
Flags    allow-oom

Returns  OK and the fields that are carried, names and values in turn
         LATE, STALE, GONE (without a reason if it is left), CONFLICT

Why a script: as `end` and `revoke`, but for the indexes: whoever meets a dead member there removes it. What is carried
stays in the tombstone, so that a repeat is answered as the first time; nothing else reads a tombstone's fields.
]]
local key = KEYS[1]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local reason, remember_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local latest_ms, owner, listed = tonumber(ARGV[6]), ARGV[7], ARGV[8] == '1'
local keep, at = read_list(ARGV, 9)
local delta = read_delta(ARGV, at)
local session, answer = begin_end(key, call, reason, ARGV[3], ARGV[3] == '' and read_any)
if not session then
  return answer[1] == OK and { OK, kept_in(key) } or answer
end
local meant = session.strange and listed or not session.strange and is_owned(session, owner)
if not meant or latest_ms and session.since > latest_ms then
  return { GONE, '\0' }
end
local carried = carry(key, keep, delta)
bury(key, session, reason, call, remember_ms, OK, '0')
if #carried > 0 then
  redis.call('HSET', key, unpack(carried))
end
return { OK, carried }
