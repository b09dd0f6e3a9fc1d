-- Which limit so many fields and bytes exceed; nil if none. What was there before may stay or
-- shrink, also above a limit that has been lowered since.
local function excess(fields, bytes, most_fields, most_bytes, had_fields, had_bytes)
  if fields > math.max(tonumber(most_fields), had_fields or 0) then
    return TOO_MANY_FIELDS
  elseif bytes > math.max(tonumber(most_bytes), had_bytes or 0) then
    return TOO_MANY_BYTES
  end
end
