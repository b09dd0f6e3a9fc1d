-- A session's metadata, packed into the hash field `@`. src/store/redis/layout/meta.rs reads the same bytes.
--
-- Head, blocks in the order of their flags, ring of operations, tail (lib/tail.lua). Unknown ignorable flags are
-- preserved. The formats, the flags and all other names in capitals are in src/store/redis/layout/constants.rs.

local function unpack_blocks(m, critical, packed, at)
  local count
  m.former = ''
  if bit.band(critical, ROTATED) > 0 then
    m.previous, m.rotated, m.used, count, at = struct.unpack(ROTATION, packed, at)
    m.former, at = string.sub(packed, at, at + FORMER * count - 1), at + FORMER * count
  end
  if bit.band(critical, SUCCESSOR) > 0 then
    m.successor, at = struct.unpack('>c16', packed, at)
  end
  m.door = bit.band(critical, DOOR) > 0
  return at
end

local function unpack_meta(packed)
  local format, _, critical = string.byte(packed, 1, 3)
  if format ~= FORMAT or critical and critical > KNOWN then
    error({ err = 'UNREADABLE a session of another format' })
  end
  local m = { packed = packed, ring = {} }
  local operations, at, length
  _, m.state, _, m.ignorable, m.created, m.since, m.touched, m.idle, m.absolute, m.interval, m.grace, m.keep,
    m.generation, m.version, m.size, m.index_until, m.horizon, m.secret, m.uses, operations, at =
    struct.unpack(HEAD, packed)
  at = unpack_blocks(m, critical, packed, at)
  for i = 1, operations do
    local entry = {}
    entry.id, entry.not_after, length, at = struct.unpack(OPERATION, packed, at)
    entry.reply = string.sub(packed, at, at + length - 1)
    at = at + length
    m.ring[i] = entry
  end
  m.tail = string.sub(packed, at)
  return m
end

local function pack_meta(m)
  local critical = (m.previous and ROTATED or 0) + (m.successor and SUCCESSOR or 0) + (m.door and DOOR or 0)
  local parts = { struct.pack(HEAD, FORMAT, m.state, critical, m.ignorable, m.created, m.since, m.touched, m.idle,
    m.absolute, m.interval, m.grace, m.keep, m.generation, m.version, m.size, m.index_until, m.horizon, m.secret,
    m.uses, #m.ring) }
  if m.previous then
    parts[2] = struct.pack(ROTATION, m.previous, m.rotated, m.used, #m.former / FORMER) .. m.former
  end
  parts[#parts + 1] = m.successor
  for _, entry in ipairs(m.ring) do
    parts[#parts + 1] = struct.pack(OPERATION, entry.id, entry.not_after, #entry.reply) .. entry.reply
  end
  parts[#parts + 1] = m.tail
  return table.concat(parts)
end
