-- The code of the limit that is exceeded, or nil. A session above a limit that was lowered since may stay as large or
-- shrink.
local function excess(fields, bytes, most_fields, most_bytes, had_fields, had_bytes)
  if fields > math.max(tonumber(most_fields), had_fields or 0) then
    return TOO_MANY_FIELDS
  elseif bytes > math.max(tonumber(most_bytes), had_bytes or 0) then
    return TOO_MANY_BYTES
  end
end
