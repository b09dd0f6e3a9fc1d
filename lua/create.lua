--[[
create: store a new guest session; the caller has packed it.

KEYS[1]  session          <ns>:{bbb}:s:<id>   hash
KEYS[2]  deadline index   <ns>:{bbb}:d        sorted set
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  session id       16 bytes
ARGV[4]  metadata         up to the times created, since, touched
ARGV[5]  metadata         after these times; with this operation in the ring
ARGV[6]  life             milliseconds until the deadline
ARGV[7]  stay             milliseconds that the key outlasts the deadline: grace and keep
ARGV[8]  refusal          the code of an exceeded limit, returned if the id is free; else empty
ARGV[9...] the hash's fields and values in turn
Flags    none
Uses     call life

Returns  OK and the time of creation, a number; at the first delivery, that number alone
         LATE, EXISTS, TOO_MANY_FIELDS, TOO_MANY_BYTES

Why a script: the check that the id is free and the write with its expiry have to be one step. A repeat finds the
operation in the hash or in its tombstone. If the life is shorter than the time in which repeats can arrive, the key
stays longer (`keep`), so that a repeat never finds the id free and makes the session again.
]]
local key, deadlines = KEYS[1], KEYS[2]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local before = redis.call('HGET', key, '@')
-- The operation id is 8 random bytes: the metadata has them only if the operation is in the ring.
if before and string.find(before, call.id, 1, true) then
  local created = struct.unpack('>I6', before, 5)
  return { OK, created }
elseif before then
  return { EXISTS, '' }
elseif ARGV[8] ~= '' then
  return { tonumber(ARGV[8]), '' }
end
local time, deadline_ms = struct.pack('>I6', call.now), call.now + ARGV[6]
redis.call('ZADD', deadlines, deadline_ms, ARGV[3])
redis.call('HSET', key, '@', ARGV[4] .. time .. time .. time .. ARGV[5], unpack(ARGV, 9))
redis.call('PEXPIREAT', key, deadline_ms + ARGV[7])
return call.now
