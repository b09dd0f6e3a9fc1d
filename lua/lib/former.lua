-- Digests of the CSRF tokens of pages from before a rotation.

-- Adds the digest of a secret that is replaced now. Keeps the latest `most` that are not older than `life_ms`. If a
-- secret is replaced twice because its successor was lost, the second time counts.
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
