-- Which limit so many fields and bytes exceed; nil if none.
local function excess(fields, bytes, most_fields, most_bytes)
  if fields > tonumber(most_fields) then
    return TOO_MANY_FIELDS
  elseif bytes > tonumber(most_bytes) then
    return TOO_MANY_BYTES
  end
end
