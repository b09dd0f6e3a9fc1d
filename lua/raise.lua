--[[
raise: raise a user's revocation epoch: logins that began before it, and all sessions up to it, are to end.

KEYS[1]  epoch           <ns>:{bbb}:r:<user>  string
KEYS[2]  user index      <ns>:{bbb}:u:<user>  sorted set; KEYS[1] again: the epoch is just the given one
KEYS[3]  session that stays  <ns>:{bbb}:s:<id>   hash; KEYS[1] again if none does
ARGV[1]  operation id    8 bytes
ARGV[2]  not after       milliseconds since 1970, Redis's clock
ARGV[3]  epoch           milliseconds since 1970, at least: now and the old epoch + 1 were read first
ARGV[4]  life            milliseconds that the epoch is kept
ARGV[5]  owner           the user as the staying session's tail has it, with its length; empty if none stays
Flags    allow-oom

Returns  OK and the epoch, digits
         LATE, STALE, GONE (without a reason): the session that is to stay is not a live one of this user

Why a script: logins before this step, whatever ticket they had, are not later than the epoch, and tickets from before
it are void after it: so the latest login has to be read where the epoch is set. It only goes up from an epoch that was
read first, so a repeat changes nothing, and two revocations at once cannot undo each other. While the slot moves, the
index may lie elsewhere: then the caller has read the latest login, and gives an epoch that leaves time for more.
]]
local epoch, index, staying = KEYS[1], KEYS[2], KEYS[3]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local least_ms, life_ms, owner = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local session
if staying ~= epoch then
  session, answer = begin(staying, call)
  if not session then
    return answer[1] == GONE and { GONE, '\0' } or answer
  elseif not is_owned(session, owner) then
    return { GONE, '\0' }
  end
end
local raised = redis.call('GET', epoch)
if not raised or tonumber(raised) < least_ms then
  local latest = index ~= epoch and redis.call('ZRANGE', index, -1, -1, 'WITHSCORES') or {}
  raised = string.format('%.0f', math.max(least_ms, tonumber(latest[2] or 0)))
  redis.call('SET', epoch, raised, 'PX', life_ms)
end
return session and settle(staying, session, call, OK, raised) or { OK, raised }
