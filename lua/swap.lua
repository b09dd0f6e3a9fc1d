--[[
swap: write fields that the caller has weighed already, if the session is still as it was loaded.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  metadata       as `save` or `increment` would leave it, with the operation and its answer in the ring
ARGV[2]  least left     milliseconds that the key has left at the not-after, or at the deadline if that is sooner
ARGV[3]  metadata       as loaded
ARGV[4]  where in ARGV the names of fields that are removed begin; empty if none is
ARGV[5...] names and values in turn of the fields that are set, then those names
Flags    none

Returns  OK
         MOVED_ON: too late, ended, or changed by any other call: nothing was done, `save` or `increment` has to decide

Why a script: to compare and to write is one step. Every write to a session changes its metadata, and no operation id
comes twice; so equal bytes say that all is as it was loaded. That is the whole check, and far less than `save` does. A
repeat finds the metadata changed, by itself if by nobody else; called then under the same operation id, `save` and
`increment` find it in the ring.

The loaded metadata says when the key expires, so the time that it has left tells the time, for less than `TIME` costs.
]]
local key = KEYS[1]
local spare_ms = redis.call('PTTL', key) - ARGV[2]
if spare_ms < 0 or spare_ms > FARTHEST_MS or redis.call('HGET', key, '@') ~= ARGV[3] then
  return MOVED_ON
end
local first_removed = tonumber(ARGV[4])
if first_removed then
  redis.call('HDEL', key, unpack(ARGV, first_removed))
end
redis.call('HSET', key, '@', ARGV[1], unpack(ARGV, 5, first_removed and first_removed - 1))
return OK
