-- The values of the named fields after the delta, names and values in turn. Without a key the delta is all there is.
local function carry(key, names, delta)
  local carried, small = {}, nil
  if key and not delta.clear then
    small = small_fields(key)
  end
  for _, name in ipairs(names) do
    local value = delta.change[name]
    if value == nil and small then
      value = value_of(key, small, name)
    end
    if value then
      carried[#carried + 1] = name
      carried[#carried + 1] = value
    end
  end
  return carried
end
