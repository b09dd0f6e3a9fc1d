--[[
swap: write fields that the caller has weighed already, if the session is still as it was loaded.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  operation id   8 bytes
ARGV[2]  not after      milliseconds since 1970, Redis's clock
ARGV[3]  metadata       as loaded
ARGV[4]  deadline       milliseconds since 1970: what that metadata says
ARGV[5]  metadata       as `save` or `increment` would leave it, with their answer in the ring
ARGV[6]  number of fields that are set
ARGV[7...] their names and values in turn, then the names of those that are removed
Flags    none

Returns  OK
         MOVED_ON: it has ended or was changed by any other call: nothing was done, `save` or `increment` has to decide
         LATE

Why a script: to compare and to write is one step. Every write to a session changes its metadata, and no operation id
comes twice; so equal bytes say that all is as it was loaded. That is the whole check: a third of what `save` costs. A
repeat finds the metadata changed, by itself if by nobody else; called then under the same operation id, `save` and
`increment` find it in the ring.
]]
local key = KEYS[1]
local call, answer = receive(ARGV[1], ARGV[2])
if not call then return answer end
local loaded, deadline_ms, written = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local first_removed = 7 + 2 * tonumber(ARGV[6])
if call.now > deadline_ms or redis.call('HGET', key, '@') ~= loaded then
  return { MOVED_ON, '' }
end
if first_removed <= #ARGV then
  redis.call('HDEL', key, unpack(ARGV, first_removed))
end
redis.call('HSET', key, '@', written, unpack(ARGV, 7, first_removed - 1))
return { OK, '' }
