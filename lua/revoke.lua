--[[
revoke: end the named sessions as far as they are in scope, and take the dead ones off their user's index.

KEYS[1]  deadline index   <ns>:{bbb}:d   sorted set
KEYS[2]  session that stays  <ns>:{bbb}:s:<id>   hash; KEYS[1] again if none does
KEYS[3...] for each session: its key <ns>:{bbb}:s:<id>, hash, and its user's index <ns>:{bbb}:u:<user>, sorted set; of a
         guest KEYS[1] again
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  reason           its byte, as a number
ARGV[4]  remember         milliseconds that a tombstone stays
ARGV[5]  latest login     milliseconds since 1970: later logins are left; -1 leaves all, and only tidies
ARGV[6]  owner            the user as the tail has it, with its length: others' sessions are left; empty for anyone's
ARGV[7...] a count and the sessions' members (class byte and id), at most 256
Flags    allow-oom

Returns  OK and how many were ended by this operation, this delivery or an earlier one
         LATE, GONE (without a reason): the session that is to stay is not a live one of this user; none was ended

Why a script: a session may be logged in again, or ended, after the index was read; so each one's login time is looked
at again in the step that ends it, and so is the one that stays: of two that end each other, one has to win. "Absent, so
remove" is sound because the session is named in KEYS. One past its deadline keeps its place in the deadline index: the
sweep tells that it expired. One that cannot be read is the user's whose index has it; it must not keep others.
]]
local deadlines, staying = KEYS[1], KEYS[2]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local reason, remember_ms, latest_ms, owner = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local members = read_list(ARGV, 7)
local sessions, ended = {}, 0
for i = 1, #members do
  local session, index = read_any(KEYS[2 * i + 1]) or { ring = {} }, KEYS[2 * i + 2]
  session.listed = session.strange and index ~= deadlines and redis.call('ZSCORE', index, members[i])
  sessions[i] = session
  ended = ended + (recall(session, call) and 1 or 0)
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
    bury(key, session, reason, call, remember_ms, OK, '')
    ended = ended + 1
  end
end
return { OK, ended }
