--[[
create: store a new guest session.

KEYS[1]  session          <ns>:{bbb}:s:<id>   hash
KEYS[2]  deadline index   <ns>:{bbb}:d        sorted set
ARGV[1]  operation id     8 bytes
ARGV[2]  not after        milliseconds since 1970, Redis's clock
ARGV[3]  session id       16 bytes
ARGV[4]  secret hash      32 bytes
ARGV[5]  idle timeout       milliseconds
ARGV[6]  absolute timeout   milliseconds
ARGV[7]  touch interval     milliseconds
ARGV[8]  grace              milliseconds
ARGV[9]  tail             class, user and client, packed
ARGV[10] most fields
ARGV[11] most bytes
ARGV[12...] delta         lib/delta.lua; it only sets
Flags    none

Returns  OK and the time of creation, digits
         LATE, EXISTS, TOO_MANY_FIELDS, TOO_MANY_BYTES

Why a script: "only if the id is free" and the write with its expiry have to be one step. A repeat finds the operation
in the hash, or in its tombstone. A life may be shorter than the time in which repeats may come: then the key stays on,
dead, until that has passed (`keep`), so that a repeat never finds nothing and makes the session again.
]]
local key, deadlines = KEYS[1], KEYS[2]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local before = read_session(key)
if before then
  local known = recall(before, call)
  return known and { OK, string.format('%.0f', before.created) } or { EXISTS, '' }
end
local delta = read_delta(ARGV, 12)
local session = fresh(call.now, ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
session.size = bytes_of(delta.sets)
local refusal = excess(#delta.sets / 2, session.size, ARGV[10], ARGV[11])
if refusal then
  return { refusal, '' }
end
enter(key, session, ARGV[3], deadlines, nil, call, delta.sets)
return { OK, string.format('%.0f', call.now) }
