--[[
increment: add to a counter, which starts at 0.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  operation id   8 bytes
ARGV[2]  not after      milliseconds since 1970, Redis's clock
ARGV[3]  generation     as loaded
ARGV[4]  field
ARGV[5]  by             a signed number of 64 bits, digits
ARGV[6]  most fields
ARGV[7]  most bytes
Flags    none

Returns  OK or OVERTAKEN, 4 bytes of version, and the counter's new value, digits
         LATE, STALE, GONE, CONFLICT, WRONG_KIND, OVERFLOW, TOO_MANY_FIELDS, TOO_MANY_BYTES
         an error: Redis's own, if it fails for another reason; nothing was written

Why a script: HINCRBY alone would make a missing session anew. The value stays text all the way: a Lua number is exact
to 53 bits only, so the sum is Redis's, and put back where it turns out too long.
]]
local key = KEYS[1]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local generation, field, by = tonumber(ARGV[3]), ARGV[4], ARGV[5]
local session, answer = begin(key, call)
if not session then return answer end
local done = standing(session, generation, call.now)
if done == CONFLICT then
  return settle(key, session, call, CONFLICT, '')
end
local small = small_fields(key)
if small[field] then
  return settle(key, session, call, WRONG_KIND, '')
end
local before = redis.call('HGET', key, field)
local sum = redis.pcall('HINCRBY', key, field, by)
if type(sum) == 'table' and sum.err then
  local refusal = string.find(sum.err, 'hash value is not an integer') and WRONG_KIND
    or string.find(sum.err, 'overflow') and OVERFLOW
  return refusal and settle(key, session, call, refusal, '') or sum
end
local after = redis.call('HGET', key, field)
local bytes = session.size + #after - (before and #before or -#field)
local fields = count_fields(key, small)
local refusal = excess(fields, bytes, ARGV[6], ARGV[7], fields - (before and 0 or 1), session.size)
if refusal then
  if before then
    redis.call('HSET', key, field, before)
  else
    redis.call('HDEL', key, field)
  end
  return settle(key, session, call, refusal, '')
end
session.size, session.version = bytes, session.version + 1
return settle(key, session, call, done, struct.pack('>I4', session.version) .. after)
