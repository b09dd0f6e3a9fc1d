-- What an answer begins with. `Code` in src/store/redis/script/reply.rs has the same numbers; a test compares both.
local OK = 0
-- The not-after has passed, or lies too far ahead. Content: the server's time, digits.
local LATE = 1
-- Unknown, and so old that it may have been done and forgotten. Content: the horizon (lib/ring.lua), digits.
local STALE = 2
-- Content: the byte of the reason, 0 if none is known.
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
-- Perhaps at the cap: read the index, name the sessions of its members and call again. Nothing was done.
local NAME_MEMBERS = 13
-- Used since by another call, and due again: name that use and call again. Content: the metadata. Nothing was done.
local SEEN_ANOTHER = 14
-- The life would outlast its user's index, which was not named: name it. Content: the metadata. Nothing was done.
local NAME_INDEX = 15
-- No longer as the caller loaded it. Nothing was done.
local MOVED_ON = 16
-- Done, although the user has logged in again since the load: the caller's secret is dead. Content: as of `OK`.
local OVERTAKEN = 17
-- A login cannot join what is there: it goes on as one without a session. Nothing was done.
local NOT_JOINED = 18
