-- What a request changed: '1' if every field is removed first, the number of fields that are set, their names and
-- values in turn, and the names of those that are removed. Always the last of the arguments; each name once.
local function read_delta(arguments, at)
  local delta = { clear = arguments[at] == '1', sets = {}, change = {}, removes = {} }
  local first_removed = at + 2 + 2 * tonumber(arguments[at + 1])
  for i = at + 2, first_removed - 1, 2 do
    delta.change[arguments[i]] = arguments[i + 1]
    delta.sets[#delta.sets + 1] = arguments[i]
    delta.sets[#delta.sets + 1] = arguments[i + 1]
  end
  for i = first_removed, #arguments do
    delta.change[arguments[i]] = false
  end
  return delta
end

local function is_empty(delta)
  return not delta.clear and next(delta.change) == nil
end

-- The bytes of names and values in turn.
local function bytes_of(fields)
  local bytes = 0
  for _, text in ipairs(fields) do
    bytes = bytes + #text
  end
  return bytes
end

-- The number of fields and the bytes, names included, that the session would have. Also notes which removed ones exist.
local function weigh(key, session, delta)
  local fields, bytes = redis.call('HLEN', key) - 1, session.size
  if delta.clear then
    fields, bytes = 0, 0
  end
  for name, value in pairs(delta.change) do
    local old = not delta.clear and redis.call('HSTRLEN', key, name) or 0
    if old > 0 or (not delta.clear and redis.call('HEXISTS', key, name) == 1) then
      fields, bytes = fields - 1, bytes - #name - old
      delta.removes[#delta.removes + 1] = not value and name or nil
    end
    if value then
      fields, bytes = fields + 1, bytes + #name + #value
    end
  end
  return fields, bytes
end

local function apply(key, delta)
  if delta.clear then
    for _, name in ipairs(redis.call('HKEYS', key)) do
      delta.removes[#delta.removes + 1] = name ~= '@' and name or nil
    end
  end
  if #delta.removes > 0 then
    redis.call('HDEL', key, unpack(delta.removes))
  end
  if #delta.sets > 0 then
    redis.call('HSET', key, unpack(delta.sets))
  end
end
