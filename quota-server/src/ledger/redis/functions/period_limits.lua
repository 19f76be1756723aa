-- What limits over longer periods leave, as `periods.rs` of quota-core says it. None of this changes a book.

local HOUR, DAY = 60, 24 * 60
-- How many minutes a period of each kind has, about.
local MINUTES = { HOUR, DAY, 7 * DAY, 30 * DAY }

-- Each account whose limit holds.
local function limited(b)
  local accounts, at = b.periods and b.periods.accounts or {}, 0
  return function()
    repeat
      at = at + 1
    until not accounts[at] or accounts[at].holds == 1
    return accounts[at]
  end
end

-- What closed windows charged to a slot of the calendar.
local function closed_in(b, account, slot)
  if account.count == 0 then
    return 0
  end
  if account.count == 1 then
    return account.first == slot and account.sum or 0
  end
  periods.load(b)
  return account.slots[slot] or 0
end

local function in_slot(b, account, slot)
  local sum = closed_in(b, account, slot)
  for _, reach in pairs(b.periods.reaches) do
    local first, last = periods.slots(account, reach)
    if first <= slot and slot <= last then
      sum = whole.sum(sum, periods.counts(b, account, reach, slot))
    end
  end
  return sum
end

-- What counts against a limit in that of these minutes in which it is most.
local function charged(b, account, first, last)
  if periods.is_rolling(account) then
    local sum = account.sum
    for _, reach in pairs(b.periods.reaches) do
      sum = whole.sum(sum, periods.counts(b, account, reach, 0))
    end
    return sum
  end
  local span, last_span = periods.spans(account, first, last)
  local most = in_slot(b, account, span)
  return last_span > span and math.max(most, in_slot(b, account, last_span)) or most
end

-- The least of each unit that `of` says of a limit; `none` where there is no limit.
local function least(b, none, of)
  local tokens, requests = none, none
  for account in limited(b) do
    if account.unit == TOKENS then
      tokens = math.min(tokens, of(account))
    else
      requests = math.min(requests, of(account))
    end
  end
  return tokens, requests
end

-- What each unit has left in all of these minutes; below 0 where more is charged than a limit.
function periods.left(b, first, last)
  return least(b, MAX, function(account) return account.most - charged(b, account, first, last) end)
end

local function min_of(ask, account)
  return account.unit == TOKENS and ask.min_tokens or ask.min_requests
end

-- The first limit that is less than `min` by itself.
function periods.below(b, ask)
  for account in limited(b) do
    if min_of(ask, account) > account.most then
      return account
    end
  end
end

-- What leaves a rolling span, in its order: pairs of a slot and how much.
local function leaving(b, account)
  periods.load(b)
  local order, windows = {}, {}
  for slot, sum in pairs(account.slots) do
    order[#order + 1] = { slot, sum }
  end
  table.sort(order, function(one, other) return one[1] < other[1] end)
  for window in pairs(b.periods.reaches) do
    windows[#windows + 1] = window
  end
  table.sort(windows)
  for _, window in ipairs(windows) do
    local reach = b.periods.reaches[window]
    order[#order + 1] = { (periods.slots(account, reach)), periods.counts(b, account, reach, 0) }
  end
  return order
end

-- When so much of what counts in a minute will have left whatever holders do, ms from now.
local function freed_in_ms(b, account, wanted, minute)
  if not periods.is_rolling(account) then
    local ends = periods.end_of(account, (periods.spans(account, minute, minute)))
    return time.window_ends_in_ms(b) + whole.less(ends, b.minute + 1) * MINUTE_MS
  end
  local freed = 0
  for _, part in ipairs(leaving(b, account)) do
    freed = freed + part[2]
    if freed >= wanted then
      return whole.less(periods.leaves_ms(account, part[1]), b.ms)
    end
  end
  return 0
end

local function short_in(b, account, ask, minute)
  local missing = charged(b, account, minute, minute) + min_of(ask, account) - account.most
  if missing > 0 then
    return { account = account, missing = missing, certain_ms = freed_in_ms(b, account, missing, minute) }
  end
end

-- What is missing for `min` in one of these minutes, where that is there last; or nil. A limit that is exceeded holds up those
-- too who ask for nothing of its unit.
function periods.short_of(b, ask, first, last)
  local latest
  for account in limited(b) do
    local short = short_in(b, account, ask, first) or last ~= first and short_in(b, account, ask, last)
    if short and (not latest or short.certain_ms >= latest.certain_ms) then
      latest = short
    end
  end
  return latest
end

-- What the limits of each unit come to a minute, the least of them.
function periods.minutely(b)
  return least(b, NO_LIMIT, function(account)
    local minutes = MINUTES[account.kind] or whole.quotient(account.arg, 60)
    return math.max(whole.quotient(account.most, minutes), 1)
  end)
end

-- How each limit stands: how many there are, and of each unit, kind, what goes with that, the limit, what is charged, and when
-- some of it leaves.
function periods.standings(b)
  local shown, first, last = { 0 }, time.minutes(b, b.ms, b.ms + 1)
  for account in limited(b) do
    shown[1] = shown[1] + 1
    reply.append(shown, {
      account.unit, account.kind, account.arg, account.most, charged(b, account, first, last),
      freed_in_ms(b, account, 1, first),
    })
  end
  return shown
end

-- How long a return to a window's leases comes back to longer periods: as long as they are kept at the least; 0 where nothing is
-- counted.
function periods.returns_in_ms(b, window)
  if not periods.is_used(b) then
    return 0
  end
  local windows = whole.less(window + book.kept_windows(b), b.number + 1)
  return time.window_ends_in_ms(b) + windows * SHORTEST_WINDOW_MS
end
