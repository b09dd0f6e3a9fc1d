--[[
sweep: end the named sessions past their deadline, unlist those that do not exist, update the deadlines of the others.

KEYS[1]  deadline index   <ns>:{bbb}:d   sorted set
KEYS[2...] for each session: its key <ns>:{bbb}:s:<id>, hash, and its user's index <ns>:{bbb}:u:<user>, sorted set; of a
         guest KEYS[1] again
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  remember         milliseconds that a tombstone is kept
ARGV[4...] a count and the sessions' members (class byte and id), at most 256
Flags    allow-oom
Uses     call index life list ring session tombstone

Returns  OK and the numbers of sessions that expired, were unlisted, got their real deadline in the index
         LATE

Why a script: the check of the deadline and the end are one step, so exactly one sweep ends each due session, and a
touch in between keeps it alive.
]]
local deadlines = KEYS[1]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local remember_ms, members = tonumber(ARGV[3]), read_list(ARGV, 4)
local sessions, expired, forgotten, rescored = {}, 0, 0, 0
for i = 1, #members do
  sessions[i] = read_session(KEYS[2 * i]) or { ring = {} }
  local score = redis.call('ZSCORE', deadlines, string.sub(members[i], 2))
  sessions[i].score = score and tonumber(score)
end
for i, session in ipairs(sessions) do
  local key, index, member = KEYS[2 * i], KEYS[2 * i + 1], members[i]
  local due = session.score and session.score <= call.now
  if recall(session, call) then
    expired = expired + 1
  elseif due and session.alive then
    redis.call('ZADD', deadlines, deadline_ms(session), string.sub(member, 2))
    rescored = rescored + 1
  elseif due and session.state == 0 and session.reason == EXPIRED then
    unlist(deadlines, index, member)
    tombstone(key, session, EXPIRED, call, remember_ms, OK, '')
    expired = expired + 1
  elseif due then
    unlist(deadlines, index, member)
    forgotten = forgotten + 1
  end
end
return { OK, { expired, forgotten, rescored } }
