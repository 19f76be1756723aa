-- Where leases are granted during a call: one place for a window, with what its leases have in common, what is left to
-- grant, and what was granted since the window's sums were brought up to date.

-- Until when a return of a lease earns credit. A window after the open one lasts a minute at least.
local function credit_ends_ms(b, window, ends_ms)
  if b.policy.kind == ROLLING then
    return rolling.released_ms(ends_ms)
  end
  if window < b.number then
    return b.ms
  end
  return b.ends_ms + (window - b.number) * MINUTE_MS
end

-- In how long a lease starts, ends, and earns no more credit.
function places.times(b, window, starts_ms, ends_ms)
  return whole.less(starts_ms, b.ms), whole.less(ends_ms, b.ms), whole.less(credit_ends_ms(b, window, ends_ms), b.ms)
end

-- Which window a lease would be of, its start and its end: the open window, or the next one when asked for it or when
-- the open one is as good as over. Nil, and in how many ms to ask, where it is too early.
local function where(b, ahead)
  local ends_ms = b.ms + b.policy.life_ms
  if b.policy.kind == ROLLING then
    return b.number, b.ms, ends_ms
  end
  local last_ms = whole.less(b.ends_ms, b.policy.guard_ms)
  local left_ms = time.window_ends_in_ms(b)
  if ahead and left_ms > AHEAD_MS then
    return nil, left_ms - AHEAD_MS
  end
  if ahead or b.ms + SHORTEST_LIFE_MS > last_ms then
    return b.number + 1, b.ends_ms, b.ends_ms + b.policy.life_ms
  end
  return b.number, b.ms, math.min(ends_ms, last_ms)
end

local function new(b, window, starts_ms, ends_ms)
  local bucket = book.bucket(b, window)
  local tokens, requests = quota.left(b, window)
  local most_tokens, most_requests = quota.most(b)
  local first_minute, last_minute = 0, 0
  if b.periods then
    first_minute, last_minute = time.minutes(b, starts_ms, ends_ms)
    local period_tokens, period_requests = periods.left(b, first_minute, last_minute)
    tokens, requests = math.min(tokens, period_tokens), math.min(requests, period_requests)
  end
  return {
    window = window, bucket = bucket, page = leases.page(b, window), starts_ms = starts_ms, ends_ms = ends_ms,
    most_tokens = most_tokens, most_requests = most_requests, is_quarantined = vouch.is_quarantined(b, window),
    -- No sum grows above what is exact, whatever is given back in between. Below 0 where more is charged than the limit.
    tokens = math.min(tokens, MAX - bucket.granted_tokens),
    requests = math.min(requests, MAX - bucket.granted_requests),
    granted_tokens = 0, granted_requests = 0, number = bucket.count, ahead = false,
    rest = records.pack_rest(starts_ms, ends_ms),
    size_tokens = false, size_requests = false, asker = false, amount = false, record = false,
    first_minute = first_minute, last_minute = last_minute,
  }
end

-- The place of an acquire; nil, and in how many ms to ask, where it is too early.
function places.of(b, ahead)
  local window, starts_ms, ends_ms = where(b, ahead == 1)
  if not window then
    return nil, starts_ms
  end
  local at = b.places[window]
  if not at then
    if b.periods then
      -- What the other window is granted counts here too.
      places.leave(b)
    end
    at = new(b, window, starts_ms, ends_ms)
    b.places[window] = at
  end
  at.ahead = ahead
  return at
end

-- Brings the sums up to date.
function places.settle(b, at)
  local count = at.number - at.bucket.count
  if count == 0 then
    return
  end
  buckets.grant(at.bucket, at.granted_tokens, at.granted_requests, count, at.ends_ms)
  if b.policy.kind == ROLLING then
    rolling.grant(b, at.granted_tokens, at.granted_requests, at.ends_ms)
  end
  if b.periods then
    periods.reach(b, at.window, at.first_minute, at.last_minute, at.ends_ms)
  end
  book.count(b, count)
  at.granted_tokens, at.granted_requests = 0, 0
end

-- Grants that follow on each other are answered together: their amounts are one string.
function places.finish_row(b, answers)
  local row = b.row
  if not row then
    return
  end
  local at = row.at
  b.row, b.shown[at.window] = nil, true
  local starts_in_ms, ends_in_ms, credit_ends_in_ms = places.times(b, at.window, at.starts_ms, at.ends_ms)
  reply.append(answers, {
    'grants', at.window, row.first, starts_in_ms, ends_in_ms, credit_ends_in_ms, periods.returns_in_ms(b, at.window),
    table.concat(row),
  })
end

-- Ends a run of acquires: what places know of the book may not hold after what comes next.
function places.finish(b, answers)
  places.finish_row(b, answers)
  places.leave(b)
end

-- Brings the sums of all places up to date, and begins anew.
function places.leave(b)
  for window, at in pairs(b.places) do
    places.settle(b, at)
    b.places[window] = nil
  end
end

-- The next lease is another one's, or of another size: mostly it is as the last one.
local function mould(at, asker, tokens, requests)
  at.asker, at.size_tokens, at.size_requests = asker, tokens, requests
  at.amount = records.pack_amount(tokens, requests)
  at.record = asker.owner .. at.amount .. at.rest
  leases.name(at.page, asker)
end

-- Enters a grant.
function places.grant(b, at, asker, request, print, tokens, requests, answers)
  if at.asker ~= asker or at.size_tokens ~= tokens or at.size_requests ~= requests then
    mould(at, asker, tokens, requests)
  end
  local number, row = at.number, b.row
  at.number = number + 1
  at.tokens, at.requests = at.tokens - tokens, at.requests - requests
  at.granted_tokens, at.granted_requests = at.granted_tokens + tokens, at.granted_requests + requests
  leases.add(at.page, number, request, at.record .. print)
  b.asked[request] = true
  if not row or row.at ~= at then
    places.finish_row(b, answers)
    row = { at = at, first = number }
    b.row = row
  end
  row[number - row.first + 1] = at.amount
end
