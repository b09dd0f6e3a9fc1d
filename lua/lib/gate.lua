-- The checks of a login: the user's revocation epoch and the cap on the user's sessions.

-- Whether the ticket has expired, or the user was revoked since it was taken. `seen` is the epoch at that time, digits
-- or empty. Without a ticket, `good_until` is empty.
local function is_void(epoch, good_until, seen, now)
  if good_until == '' then
    return false
  end
  return now > tonumber(good_until) or epoch and epoch ~= seen
end

-- The user's live sessions, earliest login first, without the one that is leaving. `keys` has the named members;
-- `unknown` is the number of members that are not named. Dead members are removed from the index; the deadline index
-- keeps them for the sweep.
local function crowd_of(index, leaving, keys)
  local crowd = { unknown = 0 }
  for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local key = keys[member]
    if member ~= leaving and not key then
      crowd.unknown = crowd.unknown + 1
    elseif member ~= leaving then
      local session = read_any(key)
      if session and session.alive then
        crowd[#crowd + 1] = { member = member, key = key, session = session }
      else
        take_off(index, member)
      end
    end
  end
  return crowd
end

-- The number of sessions to evict so that one more fits under the cap; or nil and the refusal.
local function surplus(crowd, most, policy)
  local too_many = #crowd + crowd.unknown + 1 - most
  if too_many <= 0 then
    return 0
  elseif policy == 'evict' and too_many <= #crowd then
    return too_many
  elseif policy == 'reject' and #crowd >= most then
    return nil, AT_CAP
  end
  return nil, NAME_MEMBERS
end

-- Ends the earliest logins.
local function evict(crowd, count, deadlines, index, call, remember_ms)
  for i = 1, count do
    local one = crowd[i]
    unlist(deadlines, index, one.member)
    tombstone(one.key, one.session, EVICTED, call, remember_ms, OK, '')
  end
end
