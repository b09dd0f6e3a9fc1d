--[[
save: write changed fields.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  operation id   8 bytes
ARGV[2]  not after      milliseconds since 1970, Redis's clock
ARGV[3]  generation     as loaded
ARGV[4]  version        as loaded, for a conditional save; else empty
ARGV[5]  max fields
ARGV[6]  max bytes
ARGV[7...] delta        lib/delta.lua
Flags    none
Uses     call delta limits session standing

Returns  OK or OVERTAKEN, and the new version, 4 bytes
         LATE, STALE, GONE, CONFLICT, TOO_MANY_FIELDS, TOO_MANY_BYTES

Why a script: liveness and generation have to be checked in the step that writes, or a late save would bring an ended
session back. A plain HSET on a missing key would make one that never expires.
]]
local key = KEYS[1]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local generation, version = tonumber(ARGV[3]), tonumber(ARGV[4])
local delta = read_delta(ARGV, 7)
local session, reply = begin(key, call)
if not session then return reply end
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
if not is_empty(delta) then
  session.version = session.version + 1
end
return settle(key, session, call, done, struct.pack('>I4', session.version))
