--[[
save: write changed fields.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  operation id   8 bytes
ARGV[2]  not after      milliseconds since 1970, Redis's clock
ARGV[3]  generation     as loaded
ARGV[4]  version        as loaded, if it must still be so; else empty
ARGV[5]  most fields
ARGV[6]  most bytes
ARGV[7...] delta        lib/delta.lua
Flags    none

Returns  OK or OVERTAKEN, and the version after it, 4 bytes
         LATE, STALE, GONE, CONFLICT, TOO_MANY_FIELDS, TOO_MANY_BYTES

Why a script: that the session lives, and was not logged in again too long ago, has to be checked in the step that
writes, or a late save would bring an ended session back. A plain HSET on a missing key makes one that never expires.
]]
local key = KEYS[1]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local generation, version = tonumber(ARGV[3]), tonumber(ARGV[4])
local delta = read_delta(ARGV, 7)
local session, answer = begin(key, call)
if not session then return answer end
local done = standing(session, generation, call.now)
if done == CONFLICT or version and session.version ~= version then
  return settle(key, session, call, CONFLICT, '')
end
local fields, bytes, had = weigh(key, session, delta)
local refusal = excess(fields, bytes, ARGV[5], ARGV[6], had, session.size)
if refusal then
  return settle(key, session, call, refusal, '')
end
apply(key, delta)
session.size = bytes
session.version = session.version + (is_empty(delta) and 0 or 1)
return settle(key, session, call, done, struct.pack('>I4', session.version))
