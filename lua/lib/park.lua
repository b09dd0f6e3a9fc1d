-- The parked session of a login across slots.

