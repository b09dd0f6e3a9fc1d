--[[
swap: write fields if the session is still as loaded; the caller has checked the limits.

KEYS[1]  session        <ns>:{bbb}:s:<id>   hash
ARGV[1]  metadata       as after `save` or `increment`, with the operation and its reply in the ring
ARGV[2]  least left     the key's PTTL at the not-after, or at the deadline if that is earlier, milliseconds
ARGV[3]  metadata       as loaded
ARGV[4]  position in ARGV of the first name of a field to remove; empty if there is none
ARGV[5...] names and values in turn of the fields to set, then those names
Flags    none
Uses     none

Returns  OK
         MOVED_ON: too late, ended, or changed by another call; nothing was done, call `save` or `increment`

Why a script: compare and write are one step. Every write to a session changes its metadata, and operation ids are
unique, so equal bytes mean that the session is as loaded. That is far cheaper than what `save` does. A repeat finds the
metadata changed, by itself or by another call; `save` or `increment`, called next with the same operation id, finds it
in the ring.

The key's expiry follows from the loaded metadata, so PTTL gives the time, for less than `TIME` costs.
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
