--[[
revoke: end those of the named sessions that are in scope, and remove dead ones from their user's index.

KEYS[1]  deadline index   <ns>:{bbb}:d   sorted set
KEYS[2]  staying session  <ns>:{bbb}:s:<id>   hash; KEYS[1] again if none stays
KEYS[3...] for each session: its key <ns>:{bbb}:s:<id>, hash, and its user's index <ns>:{bbb}:u:<user>, sorted set; of a
         guest KEYS[1] again
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  reason           its byte, as a number
ARGV[4]  remember         milliseconds that a tombstone is kept
ARGV[5]  latest login     milliseconds since 1970: later logins are left alone; -1 ends none and only removes dead ones
ARGV[6]  owner            the user as in the tail, with its length: others' sessions are left alone; empty for any
ARGV[7...] a count and the sessions' members (class byte and id), at most 256
Flags    allow-oom
Uses     call index list ring session tombstone unreadable

Returns  OK and the number of sessions that this operation ended, in this delivery or an earlier one
         LATE, GONE (without a reason): the staying session is not a live one of this user; none was ended

Why a script: a session may end or be logged in again after the index was read, so its login time is checked in the step
that ends it. The staying session is checked too: of two that end each other, one has to win. A dead session stays in
the deadline index, so that the sweep counts it as expired. An unreadable one belongs to the user whose index has it; it
must not keep others from ending.
]]
local deadlines, staying = KEYS[1], KEYS[2]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local reason, remember_ms, latest_ms, owner = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local members = read_list(ARGV, 7)
local sessions, ended = {}, 0
for i = 1, #members do
  local session, index = read_any(KEYS[2 * i + 1]) or { ring = {} }, KEYS[2 * i + 2]
  session.listed = session.unreadable and index ~= deadlines and redis.call('ZSCORE', index, members[i])
  sessions[i] = session
  if recall(session, call) then
    ended = ended + 1
  end
end
local stays = staying ~= deadlines and read_session(staying)
if ended == 0 and staying ~= deadlines and not (stays and stays.alive and is_owned(stays, owner)) then
  return { GONE, '\0' }
end
for i, session in ipairs(sessions) do
  local key, index = KEYS[2 * i + 1], KEYS[2 * i + 2]
  if not session.alive then
    take_off(index, members[i])
  elseif session.since <= latest_ms and (is_owned(session, owner) or session.listed) then
    unlist(deadlines, index, members[i])
    tombstone(key, session, reason, call, remember_ms, OK, '')
    ended = ended + 1
  end
end
return { OK, ended }
