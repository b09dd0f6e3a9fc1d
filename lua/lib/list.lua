-- Reads a list from the arguments: a count, then the items. Also returns the position after it.
local function read_list(arguments, at)
  local items = {}
  for i = 1, tonumber(arguments[at]) do
    items[i] = arguments[at + i]
  end
  return items, at + 1 + #items
end

-- The keys of the listed members; the first is `keys[first]`.
local function keys_of(members, keys, first)
  local by_member = {}
  for i, member in ipairs(members) do
    by_member[member] = keys[first + i - 1]
  end
  return by_member
end
