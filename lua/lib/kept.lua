-- The fields that a tombstone keeps for a repeat of the call that made it, names and values in turn.
local function kept_in(key)
  local fields, all = {}, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] ~= '@' then
      fields[#fields + 1], fields[#fields + 2] = all[i], all[i + 1]
    end
  end
  return fields
end
