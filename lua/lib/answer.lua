-- Reply codes. `Code` in src/store/redis/script/reply.rs has the same numbers; a test compares both.
local OK = 0
-- The not-after has passed or is too far ahead. Content: the server's time, digits.
local LATE = 1
-- Not in the ring, but may have been executed and forgotten. Content: the horizon (lib/ring.lua), digits.
local STALE = 2
-- Content: the byte of the reason, 0 if it is unknown.
local GONE = 3
local CONFLICT = 4
local EXISTS = 5
local WRONG_KIND = 6
local OVERFLOW = 7
local TOO_MANY_FIELDS = 8
local TOO_MANY_BYTES = 9
local AT_CAP = 10
local TICKET_VOID = 11
local ALREADY_ROTATED = 12
-- Possibly at the cap: read the index, name its members' sessions and call again. Nothing was done.
local NAME_MEMBERS = 13
-- Another call noted a use since the load, and one is due again: pass that use and call again. Content: the metadata.
-- Nothing was done.
local SEEN_ANOTHER = 14
-- The session would outlive its user index, which was not named: name it. Content: the metadata. Nothing was done.
local NAME_INDEX = 15
-- Changed since the caller loaded it. Nothing was done.
local MOVED_ON = 16
-- Done, although the user has logged in again since the load: the caller's secret is void. Content: as for `OK`.
local OVERTAKEN = 17
-- A login cannot join this session: log in without a session. Nothing was done.
local NOT_JOINED = 18
