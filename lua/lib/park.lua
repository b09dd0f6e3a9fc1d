-- The parked session of a login across slots.

-- The life of a parked session: longer than any call of that login can be delayed.
local PARKED_MS = 300000
