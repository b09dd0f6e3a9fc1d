-- The changes of a request: '1' to remove every field first, the number of fields to set, their names and values in
-- turn, and the names of fields to remove. Always the last arguments; each name occurs once.
local function read_delta(arguments, at)
  local delta = { clear = arguments[at] == '1', sets = {}, change = {} }
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

-- The size of a list of names and values.
local function bytes_of(fields)
  local bytes = 0
  for _, text in ipairs(fields) do
    bytes = bytes + #text
  end
  return bytes
end

-- The session's number of fields and bytes (names included) after the delta, and its present number of fields.
local function weigh(key, session, delta)
  local small = small_fields(key)
  local had = count_fields(key, small)
  local fields, bytes = had, session.size
  if delta.clear then
    fields, bytes = 0, 0
  end
  for name, value in pairs(delta.change) do
    local old = not delta.clear and value_of(key, small, name)
    if old then
      fields, bytes = fields - 1, bytes - #name - #old
    end
    if value then
      fields, bytes = fields + 1, bytes + #name + #value
    end
  end
  return fields, bytes, had
end

local function apply(key, delta)
  local small, sets, removes = {}, {}, {}
  if delta.clear then
    for _, name in ipairs(redis.call('HKEYS', key)) do
      if name ~= '@' then
        removes[#removes + 1] = name
      end
    end
  else
    small = small_fields(key)
  end
  local repacked = false
  for name, value in pairs(delta.change) do
    local together = is_small(value)
    repacked = repacked or together or small[name] ~= nil
    small[name] = together and value or nil
    if value and not together then
      sets[#sets + 1] = name
      sets[#sets + 1] = value
    else
      removes[#removes + 1] = name
    end
  end
  if repacked and next(small) then
    sets[#sets + 1] = '='
    sets[#sets + 1] = pack_small(small)
  elseif repacked then
    removes[#removes + 1] = '='
  end
  if #removes > 0 then
    redis.call('HDEL', key, unpack(removes))
  end
  if #sets > 0 then
    redis.call('HSET', key, unpack(sets))
  end
end
