-- The fields in a tombstone, names and values in turn: stored for a repeat of the call that ended the session.
local function tombstone_fields(key)
  local fields, all = {}, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] ~= '@' then
      fields[#fields + 1], fields[#fields + 2] = all[i], all[i + 1]
    end
  end
  return fields
end
