--[[
admit: log a user in below the cap, over a guest or no session; the caller has packed what is stored.

KEYS[1]  new session          <ns>:{bbb}:s:<id>    hash
KEYS[2]  deadline index       <ns>:{bbb}:d         sorted set
KEYS[3]  user index           <ns>:{bbb}:u:<user>  sorted set
KEYS[4]  epoch                <ns>:{bbb}:r:<user>  string
KEYS[5]  guest                <ns>:{bbb}:s:<id>    hash; KEYS[1] again if there is none
KEYS[6]  its deadline index   <ns>:{bbb}:d         sorted set; KEYS[2] again if there is none
ARGV[1]  operation id         8 bytes
ARGV[2]  not after            milliseconds since 1970, Redis's clock; the login's ticket is good until then
ARGV[3]  new session's id     16 bytes
ARGV[4]  its member           class byte and id
ARGV[5]  cap less one
ARGV[6]  its life             milliseconds until its deadline
ARGV[7]  its stay             milliseconds that its key outlasts the deadline: grace and keep
ARGV[8]  its cover            milliseconds until the user index may expire
ARGV[9]  its metadata         up to the times created, since, touched
ARGV[10] its metadata         between these times and `index_until`
ARGV[11] its metadata         after `index_until`; with this operation in the ring
ARGV[12] guest's id           16 bytes; this and the next five are empty without a guest
ARGV[13] its metadata         as loaded
ARGV[14] its deadline         milliseconds since 1970, from that metadata
ARGV[15] its tombstone        up to the time of the last use
ARGV[16] its tombstone        after it; with this operation in the ring
ARGV[17] its expiry           milliseconds that the tombstone is kept
ARGV[18] number of the new hash's fields without its metadata
ARGV[19...] their names and values in turn, then the names of the guest's hash fields without its metadata
Flags    none
Uses     call index

Returns  OK, as a bare number: the time of the login
         NAME_MEMBERS: possibly at the cap; nothing was done, call `login` with the members named
         MOVED_ON: the state differs from the caller's assumptions; nothing was done, call `login`
         LATE

Why a script: as for `login`. It serves the common case of `login`: the id is free, there is no epoch, the guest is as
loaded, and every login of the user is earlier than now. A repeat finds the id taken; `login`, called next with the same
operation id, finds the id in the ring.
]]
local key, deadlines, index, guest = KEYS[1], KEYS[2], KEYS[3], KEYS[5]
local call, late = receive(ARGV[1], ARGV[2])
if not call then return late end
local now, has_guest, first_gone = call.now, guest ~= key, 19 + 2 * ARGV[18]
local dead_ms, covered_ms = now + ARGV[6], now + ARGV[8]
local expiry_ms = dead_ms + ARGV[7]
if redis.call('EXISTS', key, KEYS[4]) > 0
  or has_guest and (now > tonumber(ARGV[14]) or redis.call('HGET', guest, '@') ~= ARGV[13]) then
  return { MOVED_ON, '' }
end
local last = redis.call('ZRANGE', index, '-1', '-1', 'WITHSCORES')
if last[1] and redis.call('ZRANGE', index, ARGV[5], ARGV[5])[1] then
  return { NAME_MEMBERS, '' }
elseif last[1] and (tonumber(last[2]) >= now or redis.call('PEXPIREAT', index, covered_ms, 'GT') == 0) then
  return { MOVED_ON, '' }
end
redis.call('ZADD', index, now, ARGV[4])
if not last[1] then
  redis.call('PEXPIREAT', index, covered_ms)
end
local time, covered = struct.pack('>I6', now), struct.pack('>I6', covered_ms)
redis.call('ZADD', deadlines, dead_ms, ARGV[3])
redis.call('HSET', key, '@', ARGV[9] .. time .. time .. time .. ARGV[10] .. covered .. ARGV[11],
  unpack(ARGV, 19, first_gone - 1))
redis.call('PEXPIREAT', key, expiry_ms)
if has_guest then
  take_off(KEYS[6], ARGV[12])
  redis.call('HSET', guest, '@', ARGV[15] .. time .. ARGV[16])
  if first_gone <= #ARGV then
    redis.call('HDEL', guest, unpack(ARGV, first_gone))
  end
  redis.call('PEXPIRE', guest, ARGV[17])
end
return now
