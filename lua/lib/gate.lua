-- What a login has to pass: the user's revocation epoch, and the cap on the user's sessions.

-- Whether the user was revoked since the ticket was taken (`seen` is the epoch then, digits, or empty), or it is too
-- old. Without a ticket, `good_until` is empty.
local function is_void(epoch, good_until, seen, now)
  return good_until ~= '' and (now > tonumber(good_until) or (epoch and epoch ~= seen) or false)
end

-- The index's members but the one that is leaving, earliest login first: those that live, by the keys that are named,
-- and how many may live, not being named. Dead ones are taken off the index; the deadline index keeps them for the
-- sweep.
local function crowd_of(index, leaving, keys)
  local crowd = { unknown = 0 }
  for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local key = keys[member]
    local session = member ~= leaving and key and read_any(key)
    if session and session.alive then
      crowd[#crowd + 1] = { member = member, key = key, session = session }
    elseif member ~= leaving and key then
      take_off(index, member)
    elseif member ~= leaving then
      crowd.unknown = crowd.unknown + 1
    end
  end
  return crowd
end

-- How many of the live ones have to go so that one more fits under the cap; or nil and the refusal.
local function surplus(crowd, most, policy)
  local too_many = #crowd + crowd.unknown + 1 - most
  if too_many <= 0 then
    return 0
  elseif policy == 'evict' and too_many <= #crowd then
    return too_many
  end
  return nil, policy == 'reject' and #crowd >= most and AT_CAP or NAME_MEMBERS
end

-- Ends the earliest logins.
local function evict(crowd, count, deadlines, index, call, remember_ms)
  for i = 1, count do
    local one = crowd[i]
    unlist(deadlines, index, one.member)
    bury(one.key, one.session, EVICTED, call, remember_ms, OK, '')
  end
end
