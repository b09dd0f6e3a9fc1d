--[[
increment: add to a counter, which starts at 0.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  operation id   8 bytes
ARGV[2]  not after      milliseconds since 1970, Redis's clock
ARGV[3]  generation     as loaded
ARGV[4]  field
ARGV[5]  by             a signed 64-bit number, digits
ARGV[6]  max fields
ARGV[7]  max bytes
Flags    none
Uses     call fields limits session standing

Returns  OK or OVERTAKEN, and the version (4 bytes) followed by the counter's new value (digits)
         LATE, STALE, GONE, CONFLICT, WRONG_KIND, OVERFLOW, TOO_MANY_FIELDS, TOO_MANY_BYTES
         Redis's error if HINCRBY fails for another reason; nothing was written

Why a script: HINCRBY alone would make a missing session again. Redis computes the sum, because a Lua number is exact to
53 bits only; if the sum exceeds a limit, the old value is restored.
]]
local key = KEYS[1]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local generation, field, by = tonumber(ARGV[3]), ARGV[4], ARGV[5]
local session, reply = begin(key, call)
if not session then return reply end
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
local failure = type(sum) == 'table' and sum.err
if failure and string.find(failure, 'hash value is not an integer') then
  return settle(key, session, call, WRONG_KIND, '')
elseif failure and string.find(failure, 'overflow') then
  return settle(key, session, call, OVERFLOW, '')
elseif failure then
  return sum
end
local after = redis.call('HGET', key, field)
local fields, bytes = count_fields(key, small), session.size + #after
local had = fields
if before then
  bytes = bytes - #before
else
  bytes, had = bytes + #field, fields - 1
end
local refusal = excess(fields, bytes, ARGV[6], ARGV[7], had, session.size)
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
