-- What pages from before a rotation are known by.

-- The digests after a rotation that replaces the secret of this one: of those that are no older than `life_ms` the
-- latest `most`. A token that is replaced twice, its successor having been lost, counts from the second time.
local function note_former(former, digest, now, life_ms, most)
  local kept = {}
  for at = 1, #former, FORMER do
    local other, since = struct.unpack('>c16I6', former, at)
    if other ~= digest and now <= since + life_ms then
      kept[#kept + 1] = string.sub(former, at, at + FORMER - 1)
    end
  end
  kept[#kept + 1] = digest .. struct.pack('>I6', now)
  return table.concat(kept, '', math.max(1, #kept - most + 1))
end
