-- The user index (member: class byte and id; score: login time) and the deadline index (member: id).

-- The class byte is always 0, whatever the session's class, so that a member follows from the id alone.
local function member_of(id)
  return '\0' .. id
end

-- Redis removes an index with its last member. While its slot moves, the removed key then counts as moved, and the next
-- ZREM fails. That is harmless: all keys of a script are present when it begins, so nothing is left to remove.
local function take_off(index, member)
  redis.pcall('ZREM', index, member)
end

-- Removes a session from both indexes. For a guest, `index` is another key that never has this member.
local function unlist(deadlines, index, member)
  take_off(deadlines, string.sub(member, 2))
  take_off(index, member)
end

-- Whether a user's session can outlive its index. Always false for a guest, whose `index_until` is 0.
local function outlasts_index(session)
  return session.index_until > 0 and deadline_ms(session) > session.index_until
end

-- Raises the index's expiry to the absolute deadline, or without one to a further idle life after the present deadline,
-- and stores it in `index_until`. Never lowers it. The index must not be empty.
local function cover(index, session)
  local till = session.since + session.absolute
  if session.absolute >= NO_END_MS then
    till = deadline_ms(session) + session.idle + session.interval
  end
  local set = redis.call('PEXPIRETIME', index)
  if set < till then
    redis.call('PEXPIREAT', index, till)
  end
  session.index_until = math.max(set, till)
end

-- The time of a new login: later than all logins and the last revocation of the user, to keep their order.
local function login_ms(index, epoch, now)
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  return math.max(now, tonumber(epoch or 0) + 1, tonumber(last[2] or 0) + 1)
end

-- Whether the session has no user: the length of the user id is 0.
local function is_guest(session)
  return string.sub(session.tail, 2, 3) == '\0\0'
end

-- Whether the session is this user's. `owner` is the user id with its length, as in the tail; empty matches all.
local function is_owned(session, owner)
  return owner == '' or string.sub(session.tail, 2, 1 + #owner) == owner
end
