-- How full a window is, how much to grant, and what its state is: `sizing.rs`, `hints.rs` of quota-core.

-- What is outstanding in a window, tokens and requests, and what is overrun.
function quota.spent(b, window)
  if b.policy.kind == ROLLING then
    return b.rolling_tokens, b.rolling_requests, b.overrun_tokens, b.overrun_requests
  end
  local bucket = b.buckets[window]
  if not bucket then
    return 0, 0, 0, 0
  end
  local tokens, requests = buckets.outstanding(bucket)
  return tokens, requests, bucket.overrun_tokens, bucket.overrun_requests
end

-- What is left of a window's limit once all is charged that is outstanding and overrun: below 0 where the limit was
-- lowered.
function quota.left(b, window)
  local tokens, requests, overrun_tokens, overrun_requests = quota.spent(b, window)
  return math.min(b.policy.tokens, MAX) - whole.sum(tokens, overrun_tokens),
    math.min(b.policy.requests, MAX) - whole.sum(requests, overrun_requests)
end

-- What can be granted of a window.
function quota.available(b, window)
  local tokens, requests = quota.left(b, window)
  return math.max(tokens, 0), math.max(requests, 0)
end

-- The most that a lease can be, whatever is left.
function quota.most(b)
  return math.min(b.policy.tokens, MAX_LEASE.tokens), math.min(b.policy.requests, MAX_LEASE.requests)
end

-- `min(want, max(min, available / (2 x holders)))`, at most what a lease holds.
function quota.size(min, want, available, holders, most)
  local share = whole.quotient(available, 2 * holders)
  return math.min(want, math.max(min, share), most)
end

-- The first unit of which there is none at all, or nil: a limit of 0 pauses a deployment.
function quota.paused(b)
  if b.policy.tokens == 0 then
    return TOKENS
  end
  if b.policy.requests == 0 then
    return REQUESTS
  end
end

-- So many percent of a limit, rounded down: no product above 2^53.
local function part(limit, percent)
  local rest = math.fmod(limit, 100)
  return (limit - rest) / 100 * percent + whole.quotient(rest * percent, 100)
end

-- Whether a limited unit is near its end: by what is left, and by what holders are short of, `short` each.
local function is_near(limit, available, short, holders)
  if limit == NO_LIMIT then
    return false
  end
  local shortage = math.min(holders * short, part(limit, SHORTAGE_PERCENT))
  return available < math.max(part(limit, ENDGAME_PERCENT), shortage, 1)
end

-- What this much of these limits is like, while holders are short of so much.
local function state_in(b, most_tokens, most_requests, tokens, requests, bucket)
  local short_tokens, short_requests = bucket and bucket.short_tokens or 0, bucket and bucket.short_requests or 0
  local near = is_near(most_tokens, tokens, short_tokens, b.holders)
    or is_near(most_requests, requests, short_requests, b.holders)
  if not near then
    return OK
  end
  local none_left = most_tokens ~= NO_LIMIT and tokens == 0 or most_requests ~= NO_LIMIT and requests == 0
  return none_left and EXHAUSTED or ENDGAME
end

-- The end of a day is near as that of a minute is: when so much of a minute's share is left.
local function state_in_periods(b, window)
  local at_ms = b.ms + whole.less(window, b.number) * time.window_ends_in_ms(b)
  local tokens, requests = periods.left(b, time.minutes(b, at_ms, at_ms + 1))
  local most_tokens, most_requests = periods.minutely(b)
  return state_in(b, most_tokens, most_requests, math.max(tokens, 0), math.max(requests, 0), b.buckets[window])
end

-- What a window is like just now.
function quota.state(b, window)
  if vouch.is_quarantined(b, window) then
    return QUARANTINED
  end
  local tokens, requests = quota.available(b, window)
  local state = state_in(b, b.policy.tokens, b.policy.requests, tokens, requests, b.buckets[window])
  return periods.is_used(b) and math.max(state, state_in_periods(b, window)) or state
end
