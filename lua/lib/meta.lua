-- A session's metadata, packed into the hash field `@`. src/store/redis/meta.rs reads the same bytes.
--
-- Head, rotation (if there was one), ring of operations, tail: class, user and client, which scripts only pass on.
local FORMAT = 1
local HEAD = '>BBBI6I6I6I6I6I4I4I4I4I4I4I6I6c32B'
local ROTATION = '>c32I6I6'
local OPERATION = '>c8I6B'

local function unpack_meta(packed)
  if string.byte(packed) ~= FORMAT then
    error({ err = 'UNREADABLE a session of another format' })
  end
  local m = { packed = packed, ring = {} }
  local _, rotated, operations, at, length
  _, m.state, rotated, m.created, m.since, m.touched, m.idle, m.absolute, m.interval, m.grace, m.keep, m.generation,
    m.version, m.size, m.index_until, m.horizon, m.secret, operations, at = struct.unpack(HEAD, packed)
  if rotated == 1 then
    m.previous, m.rotated, m.used, at = struct.unpack(ROTATION, packed, at)
  end
  for i = 1, operations do
    local entry = {}
    entry.id, entry.not_after, length, at = struct.unpack(OPERATION, packed, at)
    entry.answer = string.sub(packed, at, at + length - 1)
    at = at + length
    m.ring[i] = entry
  end
  m.tail = string.sub(packed, at)
  return m
end

local function pack_meta(m)
  local parts = { struct.pack(HEAD, FORMAT, m.state, m.previous and 1 or 0, m.created, m.since, m.touched, m.idle,
    m.absolute, m.interval, m.grace, m.keep, m.generation, m.version, m.size, m.index_until, m.horizon, m.secret,
    #m.ring) }
  if m.previous then
    parts[2] = struct.pack(ROTATION, m.previous, m.rotated, m.used)
  end
  for _, entry in ipairs(m.ring) do
    parts[#parts + 1] = struct.pack(OPERATION, entry.id, entry.not_after, #entry.answer) .. entry.answer
  end
  parts[#parts + 1] = m.tail
  return table.concat(parts)
end
