-- The layout of fields. Small values share one hash field, `=`, because a load costs by the number of strings. A
-- counter, which Redis adds to, and a large value have a hash field each. The value alone decides where it is stored,
-- so a read looks in one place only. src/store/redis/layout/fields.rs has the same rule.

-- A counter begins with a digit or a minus; encoded values and bytes (src/fields/codec.rs) begin with a lower byte.
local function is_small(value)
  return value and #value <= SMALL and (string.byte(value) or 255) < 45
end

-- The small fields, by name.
local function small_fields(key)
  local packed, fields, at = redis.call('HGET', key, '='), {}, 1
  while packed and at <= #packed do
    local name_length, length, from = struct.unpack('>BI2', packed, at)
    local value_at = from + name_length
    at = value_at + length
    fields[string.sub(packed, from, value_at - 1)] = string.sub(packed, value_at, at - 1)
  end
  return fields
end

local function pack_small(fields)
  local parts = {}
  for name in pairs(fields) do
    parts[#parts + 1] = name
  end
  table.sort(parts)
  for i, name in ipairs(parts) do
    parts[i] = struct.pack('>BI2', #name, #fields[name]) .. name .. fields[name]
  end
  return table.concat(parts)
end

-- A field's value, given the small fields; false if there is no such field.
local function value_of(key, small, name)
  return small[name] or redis.call('HGET', key, name)
end

-- The session's number of fields.
local function count_fields(key, small)
  local count = redis.call('HLEN', key) - 1 - (next(small) and 1 or 0)
  for _ in pairs(small) do
    count = count + 1
  end
  return count
end

-- The hash fields that store a new session's fields; both are names and values in turn.
local function lay_out(fields)
  local small, laid = {}, {}
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if is_small(value) then
      small[name] = value
    else
      laid[#laid + 1] = name
      laid[#laid + 1] = value
    end
  end
  if next(small) then
    laid[#laid + 1] = '='
    laid[#laid + 1] = pack_small(small)
  end
  return laid
end
