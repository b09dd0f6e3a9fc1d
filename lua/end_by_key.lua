--[[
end_by_key: end one session by its key alone, while its slot moves and its other keys may be on another server.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  operation id   8 bytes
ARGV[2]  not after      milliseconds since 1970, Redis's clock
ARGV[3]  generation     as loaded; empty for any; with the reason UNDELIVERED, as for `end`
ARGV[4]  reason         its byte, as a number
ARGV[5]  remember       milliseconds that the tombstone is kept
ARGV[6]  latest login   milliseconds since 1970: a later login is left alone; empty for any
ARGV[7]  owner          the user as in the tail, with its length: others' sessions are left alone; empty for any
ARGV[8]  listed         1: the session is in the user's index, so end it even if it is unreadable; else empty
ARGV[9...] a count and the names of fields to carry, then the delta (lib/delta.lua)
Flags    allow-oom
Uses     call carry delta index list tombstone tombstone_fields undelivered unreadable

Returns  OK and the carried fields, names and values in turn
         LATE, STALE, GONE (without a reason if the session is left alone), CONFLICT

Why a script: as for `end` and `revoke`. The index entries stay: the next call that finds a dead member removes it. The
carried fields stay in the tombstone for a repeat; nothing else reads a tombstone's fields.
]]
local key = KEYS[1]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local reason, remember_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local latest_ms, owner, listed = tonumber(ARGV[6]), ARGV[7], ARGV[8] == '1'
local keep, at = read_list(ARGV, 9)
local delta = read_delta(ARGV, at)
local session, reply = begin_end(key, call, reason, ARGV[3], ARGV[3] == '' and read_any)
if not session and reply[1] == OK then
  return { OK, tombstone_fields(key) }
elseif not session then
  return reply
end
local meant = is_owned(session, owner)
if session.unreadable then
  meant = listed
end
if not meant or latest_ms and session.since > latest_ms then
  return { GONE, '\0' }
end
local carried = carry(key, keep, delta)
tombstone(key, session, reason, call, remember_ms, OK, '0')
if #carried > 0 then
  redis.call('HSET', key, unpack(carried))
end
return { OK, carried }
