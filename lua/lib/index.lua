-- The user index (member: class byte and id; score: login time) and the deadline index (member: id).

-- The class byte is 0 for ever, whatever the session's class: whoever rebuilds a member from an id writes 0.
local function member_of(id)
  return '\0' .. id
end

-- An index vanishes with its last member. While its slot moves, it then counts as moved, and the next removal is an
-- error: but nothing is left to remove, as every key that a script names is there when it begins.
local function take_off(index, member)
  redis.pcall('ZREM', index, member)
end

-- Takes a session off both. A guest's has no user index: its place holds a key where this member never is.
local function unlist(deadlines, index, member)
  take_off(deadlines, string.sub(member, 2))
  take_off(index, member)
end

-- Whether a user's session would live on when its index may have expired. A guest has none: nothing covers it.
local function outlasts_index(session)
  return session.index_until > 0 and deadline_ms(session) > session.index_until
end

-- Raises the index's expiry, if it is lower, to the absolute deadline, or where there is none to one more life than
-- this one; notes in the session until when it is covered. Never lowers it; the index has a member at this time.
local function cover(index, session)
  local life = session.idle + session.interval
  local till = session.absolute < NO_END_MS and session.since + session.absolute or deadline_ms(session) + life
  local set = redis.call('PEXPIRETIME', index)
  if set < till then
    redis.call('PEXPIREAT', index, till)
  end
  session.index_until = math.max(set, till)
end

-- Later than every login of the user and than the last revocation, so that both stay in order.
local function login_ms(index, epoch, now)
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  return math.max(now, tonumber(epoch or 0) + 1, tonumber(last[2] or 0) + 1)
end

-- Whether it is nobody's: a user's length is not 0.
local function is_guest(session)
  return string.sub(session.tail, 2, 3) == '\0\0'
end

-- Whether the session is this user's: `owner` is the user as the tail has it, with its length; empty means anyone.
local function is_owned(session, owner)
  return owner == '' or string.sub(session.tail, 2, 1 + #owner) == owner
end
