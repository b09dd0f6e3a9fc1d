-- The named fields as they stand once the delta has been applied to the session, names and values in turn. Without a
-- key the delta is all there is.
local function carry(key, names, delta)
  local carried, small = {}, key and not delta.clear and small_fields(key)
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
