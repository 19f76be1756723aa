-- The spans of the calendar, by number, as `calendar.rs` of quota-core has them. Minutes are wall minutes since the Unix epoch;
-- spans follow on each other by number.

local HOUR, DAY = 60, 24 * 60
-- From 0000-03-01 to the epoch, and the 400 years after which the calendar repeats itself.
local EPOCH, ERA = 719468, 146097

-- The month that a day since the epoch is in. Years begin in March here, so that a leap day is the last of one.
local function month_of(day)
  local since = day + EPOCH
  local era = math.floor(since / ERA)
  local of_era = since - era * ERA
  local leaps = math.floor(of_era / 1460) - math.floor(of_era / 36524) + math.floor(of_era / (ERA - 1))
  local year = math.floor((of_era - leaps) / 365)
  local of_year = of_era - 365 * year - math.floor(year / 4) + math.floor(year / 100)
  local since_march = math.floor((5 * of_year + 2) / 153)
  return (era * 400 + year - 1970) * 12 + since_march + 2
end

-- The first day of a month, since the epoch.
local function first_of(month)
  local since_march = month + 1970 * 12 - 2
  local year = math.floor(since_march / 12)
  local era, of_year = math.floor(year / 400), math.floor((153 * math.fmod(since_march, 12) + 2) / 5)
  local of_era = year - era * 400
  return era * ERA + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year - EPOCH
end

-- By the kinds of `periods.lua`: the number of the span that a local minute is in, and the local minute it begins with.
local number_of = {
  function(minute) return math.floor(minute / HOUR) end,
  function(minute) return math.floor(minute / DAY) end,
  -- The epoch was a Thursday.
  function(minute) return math.floor((math.floor(minute / DAY) + 3) / 7) end,
  function(minute) return month_of(math.floor(minute / DAY)) end,
}
local begin_of = {
  function(number) return number * HOUR end,
  function(number) return number * DAY end,
  function(number) return (number * 7 - 3) * DAY end,
  function(number) return first_of(number) * DAY end,
}

-- The span that a minute is in. Before the epoch there is only what an offset makes of its first day.
function calendar.span_of(kind, offset_min, minute)
  return math.max(number_of[kind](minute + offset_min), 0)
end

-- The first minute after a span.
function calendar.end_of(kind, offset_min, number)
  return math.max(begin_of[kind](number + 1) - offset_min, 0)
end
