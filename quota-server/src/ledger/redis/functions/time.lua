-- The ledger's time, as `Timekeeper` in quota-core keeps it. Lives, ends and the last 60 s count by a time that
-- never goes back; Redis's clock is asked once for each window, at its opening, for where the minute ends.
--
-- A step of Redis's clock must not move that time. A script has no steady clock, so each call carries what its
-- server's steady clock knows: the ledger's time is at least `not_before_ms` and at most `not_after_ms`.

local function ledger_ms(wall_ms, book_ms, call)
  return math.max(math.min(wall_ms, call.not_after_ms), call.not_before_ms, book_ms)
end

-- A book's first window. Its number is above all that the caller has seen of a book that is lost.
function time.begin(b, call)
  local wall_ms = clock.wall_ms()
  b.ms = ledger_ms(wall_ms, 0, call)
  b.minute = whole.quotient(wall_ms, MINUTE_MS)
  b.number = math.max(b.minute, call.seen_window)
  b.opens_ms = b.ms
  b.ends_ms = b.ms + MINUTE_MS - math.fmod(wall_ms, MINUTE_MS)
end

-- The window after the open one: it ends at the first boundary of a minute that is far enough away. Its name moves on by
-- two minutes at most, so that a clock that is far ahead for a while does not move it for good. Answers how far the name
-- is behind.
local function turn(b, wall_ms)
  b.opens_ms = b.ends_ms
  local wall_at_opening_ms = whole.less(wall_ms, b.ms - b.opens_ms)
  local minutes = math.ceil((wall_at_opening_ms + SHORTEST_WINDOW_MS) / MINUTE_MS)
  b.number = b.number + 1
  b.minute = math.min(math.max(minutes - 1, b.minute + 1), b.minute + 2)
  b.ends_ms = b.opens_ms + minutes * MINUTE_MS - wall_at_opening_ms
  return whole.less(minutes - 1, b.minute)
end

-- Windows of a whole minute each that passed without a call, at once. A name that is behind catches up, a minute in each.
local function skip(b, behind)
  local windows = whole.quotient(b.ms - b.ends_ms, MINUTE_MS) + 1
  b.number = b.number + windows
  b.minute = b.minute + windows + math.min(windows, behind)
  b.ends_ms = b.ends_ms + windows * MINUTE_MS
  b.opens_ms = b.ends_ms - MINUTE_MS
end

-- Lets time pass up to now.
function time.pass(b, call)
  local wall_ms, behind = clock.wall_ms(), 0
  b.ms = ledger_ms(wall_ms, b.ms, call)
  if b.ends_ms <= b.ms then
    behind = turn(b, wall_ms)
  end
  if b.ends_ms <= b.ms then
    skip(b, behind)
  end
end

-- How long the open window still lasts.
function time.window_ends_in_ms(b)
  return whole.less(b.ends_ms, b.ms)
end

-- The wall minute at some time, as far as the open window's end tells: that stands for its last minute.
function time.minute_at(b, ms)
  if ms >= b.ends_ms then
    return b.minute + 1 + whole.quotient(ms - b.ends_ms, MINUTE_MS)
  end
  return whole.less(b.minute, whole.quotient(b.ends_ms - ms - 1, MINUTE_MS))
end

-- The wall minutes of a time span, the first and the last.
function time.minutes(b, starts_ms, ends_ms)
  local first, last = time.minute_at(b, starts_ms), time.minute_at(b, whole.less(ends_ms, 1))
  -- One that was left open for longer than a minute is of its last minute too, wherever it stands by the clock.
  local is_long = b.ends_ms - b.opens_ms > MINUTE_MS + SLEWED_MS
  if is_long and starts_ms < b.ends_ms then
    last = math.max(last, b.minute)
  end
  return first, math.max(first, last)
end
