-- Deadlines and expiries.

-- The session's deadline. `Meta::deadline` in Rust is the same.
local function deadline_ms(session)
  local absolute_left = math.max(0, session.since + session.absolute - session.touched)
  return session.touched + math.min(session.idle + session.interval, absolute_left)
end

-- The key's expiry. Sets `keep`, the time that the key stays after deadline and grace, for repeats of the call that
-- made the session: a repeat that found no key would make it again. No later call can do that.
local function stay_ms(session)
  local over = deadline_ms(session) + session.grace
  session.keep = math.max(0, session.created + FARTHEST_MS - over)
  return over + session.keep
end

-- Writes the metadata, the fields of a new session (names and values in turn) and the key's expiry.
local function store(key, session, fields)
  local expiry_ms = stay_ms(session)
  local packed = pack_meta(session)
  redis.call('HSET', key, '@', packed, unpack(lay_out(fields or {})))
  redis.call('PEXPIREAT', key, expiry_ms)
  return packed
end
