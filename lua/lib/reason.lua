-- The end reasons that scripts choose themselves. `EndReason::code` in src/end.rs has the same numbers; a test compares
-- both.
local EXPIRED = 1
local LOGGED_IN = 3
local EVICTED = 6
local UNDELIVERED = 7
