-- What a login across slots puts aside between its steps.

-- For so long a parked session waits to be activated: longer than any call of that login may come late.
local PARKED_MS = 300000

-- What a tombstone of `leave` keeps: nothing, or a 1 and the fields that are carried, names and values in turn.
local function kept_in(key, changed)
  local fields = {}
  if changed == '1' then
    fields[1] = changed
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      if all[i] ~= '@' then
        fields[#fields + 1], fields[#fields + 2] = all[i], all[i + 1]
      end
    end
  end
  return fields
end
