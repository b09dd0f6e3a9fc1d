-- What a login across slots puts aside between its steps.

-- For so long a parked session waits to be activated: longer than any call of that login may come late.
local PARKED_MS = 300000
