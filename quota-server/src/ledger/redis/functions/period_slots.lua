-- The slots of longer periods: of the calendar each span, of a rolling span each slice of time at whose end charges leave.

-- The kinds of periods, as calls, records and replies have them: hour, day, week and month are 1 to 4.
local ROLLING_SPAN = 5
-- What stands before an offset, minutes, so that it is never below 0.
local OFFSET = 1440

function periods.is_rolling(account)
  return account.kind == ROLLING_SPAN
end

local function slice_ms(account)
  return math.ceil(account.arg * 1000 / PERIOD_SLICES)
end

-- The slice at whose end charges leave that the span begins to count down from at `ms`.
local function slice_at(account, ms)
  local length_ms = slice_ms(account)
  return whole.quotient(ms + account.arg * 1000 + length_ms - 1, length_ms)
end

local function span_of(account, minute)
  return calendar.span_of(account.kind, account.arg - OFFSET, minute)
end

-- The first minute after a slot of the calendar.
function periods.end_of(account, slot)
  return calendar.end_of(account.kind, account.arg - OFFSET, slot)
end

-- The spans of the calendar that some minutes reach into: two at most, as the shortest is an hour.
function periods.spans(account, first, last)
  local span = span_of(account, first)
  return span, math.min(span_of(account, last), span + 1)
end

-- The slots that a window's charges go into.
function periods.slots(account, reach)
  if periods.is_rolling(account) then
    local slot = slice_at(account, reach.ends_ms)
    return slot, slot
  end
  return periods.spans(account, reach.first, reach.last)
end

-- When a slice of a rolling span is over.
function periods.leaves_ms(account, slot)
  return slot * slice_ms(account)
end

-- The first slot that counts.
function periods.first_slot(b, account)
  if periods.is_rolling(account) then
    return whole.quotient(b.ms, slice_ms(account)) + 1
  end
  return span_of(account, time.minute_at(b, b.ms))
end

-- The last slot of a period that begins now at the latest.
function periods.last_slot(b, account)
  return periods.is_rolling(account) and slice_at(account, b.ms) or periods.first_slot(b, account)
end
