-- One delivery of a call: its operation id, its not-after, and the server's time.

local function clock_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The call, or nil and the reply.
local function receive(id, not_after_ms)
  local call = { id = id, not_after = tonumber(not_after_ms), now = clock_ms() }
  assert(#call.id == 8 and call.not_after, 'an operation id has 8 bytes, its not-after is a number')
  if call.now > call.not_after or call.not_after - call.now > FARTHEST_MS then
    return nil, { LATE, string.format('%.0f', call.now) }
  end
  return call
end
