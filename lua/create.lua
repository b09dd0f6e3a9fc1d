--[[
create: store a new guest session, which the caller has packed.

KEYS[1]  session          <ns>:{bbb}:s:<id>   hash
KEYS[2]  deadline index   <ns>:{bbb}:d        sorted set
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  session id       16 bytes
ARGV[4]  metadata         up to its times: created, since, touched
ARGV[5]  metadata         after its times; with this operation in the ring
ARGV[6]  life             milliseconds until the deadline
ARGV[7]  stay             milliseconds that the key outlasts the deadline: grace and keep
ARGV[8]  refusal          by the limits, if the id is free; empty if they allow it
ARGV[9...] the hash's fields and values in turn
Flags    none

Returns  OK and the time of creation, a number; the first time that number alone
         LATE, EXISTS, TOO_MANY_FIELDS, TOO_MANY_BYTES

Why a script: "only if the id is free" and the write with its expiry have to be one step. A repeat finds the operation
in the hash, or in its tombstone. A life may be shorter than the time in which repeats may come: then the key stays on,
dead, until that has passed (`keep`), so that a repeat never finds nothing and makes the session again.
]]
local key, deadlines = KEYS[1], KEYS[2]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local before = redis.call('HGET', key, '@')
if before then
  -- Eight random bytes stand there only if the operation is in the ring; then the time of creation.
  local known, created = string.find(before, call.id, 1, true), struct.unpack('>I6', before, 5)
  return known and { OK, created } or { EXISTS, '' }
elseif ARGV[8] ~= '' then
  return { tonumber(ARGV[8]), '' }
end
local time, deadline_ms = struct.pack('>I6', call.now), call.now + ARGV[6]
redis.call('ZADD', deadlines, deadline_ms, ARGV[3])
redis.call('HSET', key, '@', ARGV[4] .. time .. time .. time .. ARGV[5], unpack(ARGV, 9))
redis.call('PEXPIREAT', key, deadline_ms + ARGV[7])
return call.now
