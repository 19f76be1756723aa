-- Granting, as `acquire.rs` of quota-core does it.

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

local function granted(b, window, number, lease, repeated)
  b.shown[window] = true
  return { 'granted',
    window, number, lease.tokens, lease.requests,
    whole.less(lease.starts_ms, b.ms), whole.less(lease.ends_ms, b.ms),
    whole.less(credit_ends_ms(b, window, lease.ends_ms), b.ms), repeated,
  }
end

-- What no book could grant: the reply, or nil.
local function refusal(b, ask)
  if ask.want_tokens == 0 and ask.want_requests == 0 then
    return { 'nothing_asked' }
  end
  if ask.min_tokens > ask.want_tokens or ask.min_requests > ask.want_requests then
    return { 'want_below_min' }
  end
  local most_tokens = math.min(b.policy.tokens, MAX_LEASE.tokens)
  local most_requests = math.min(b.policy.requests, MAX_LEASE.requests)
  if ask.min_tokens > most_tokens then
    return { 'never_fits', TOKENS, most_tokens }
  end
  if ask.min_requests > most_requests then
    return { 'never_fits', REQUESTS, most_requests }
  end
end

-- Where and for how long a lease would be: the open window, or the next one when asked for it or when the open one
-- is as good as over. Nil, and in how many ms to ask, where it is too early.
local function place(b, ask)
  local ends_ms = b.ms + b.policy.life_ms
  if b.policy.kind == ROLLING then
    return { window = b.number, starts_ms = b.ms, ends_ms = ends_ms }
  end
  local last_ms = whole.less(b.ends_ms, b.policy.guard_ms)
  local left_ms = time.window_ends_in_ms(b)
  if ask.ahead and left_ms > AHEAD_MS then
    return nil, left_ms - AHEAD_MS
  end
  if ask.ahead or b.ms + SHORTEST_LIFE_MS > last_ms then
    return { window = b.number + 1, starts_ms = b.ends_ms, ends_ms = b.ends_ms + b.policy.life_ms }
  end
  return { window = b.number, starts_ms = b.ms, ends_ms = math.min(ends_ms, last_ms) }
end

-- The unit in which there is too little, or nil.
local function short_of(ask, tokens, requests)
  if ask.min_tokens > tokens then
    return TOKENS
  end
  if ask.min_requests > requests then
    return REQUESTS
  end
end

-- How large the lease is; nil and the unit that is short where it cannot be.
local function amount(b, bucket, ask)
  local tokens, requests = quota.available(b, bucket.window)
  -- No sum grows above what is exact, whatever is given back in between.
  tokens = math.min(tokens, MAX - bucket.granted_tokens)
  requests = math.min(requests, MAX - bucket.granted_requests)
  local active = holders.active(b)
  local short = short_of(ask, tokens, requests)
  if short then
    return nil, short
  end
  local sized_tokens = quota.size(ask.min_tokens, ask.want_tokens, tokens, active, MAX_LEASE.tokens)
  local sized_requests = quota.size(ask.min_requests, ask.want_requests, requests, active, MAX_LEASE.requests)
  if sized_tokens == 0 and sized_requests == 0 then
    return nil, TOKENS
  end
  return sized_tokens, sized_requests
end

local function deny(b, bucket, ask, unit)
  buckets.note_denied(bucket, ask.min_tokens, ask.min_requests)
  local retry_ms, state
  if vouch.is_quarantined(b, bucket.window) then
    retry_ms, state = math.max(vouch.quarantined_for_ms(b), 1), QUARANTINED
  else
    retry_ms, state = hints.denial(b, bucket.window, ask)
  end
  local asked = b.number
  if ask.ahead and b.policy.kind == MINUTE then
    asked = b.number + 1
  end
  b.shown[asked] = true
  return { 'denied', unit, retry_ms, state, asked }
end

local function grant(b, bucket, ask, where, tokens, requests)
  local number = bucket.count
  local lease = {
    holder = ask.holder, credential = ask.credential, tokens = tokens, requests = requests,
    returned_tokens = 0, returned_requests = 0, used_tokens = 0, used_requests = 0,
    overrun_tokens = 0, overrun_requests = 0, starts_ms = where.starts_ms, ends_ms = where.ends_ms,
    closed = 0, late = 0,
  }
  if b.policy.kind == ROLLING then
    rolling.grant(b, lease)
  end
  buckets.grant(bucket, lease)
  leases.add(b, bucket, number, lease, ask)
  book.count(b)
  return granted(b, bucket.window, number, lease, 0)
end

-- A lease, or why there is none. Who asked, and how much, is written down either way.
function operations.acquire(b, ask)
  b.is_changed = true
  holders.seen(b, ask.holder)
  local window, number, known = leases.of_request(b, ask.field)
  if known then
    return granted(b, window, number, known, 1)
  end
  local never = refusal(b, ask)
  if never then
    return never
  end
  local where, early_ms = place(b, ask)
  if not where then
    return { 'too_early', early_ms }
  end
  local bucket = book.bucket(b, where.window)
  bucket.largest_tokens = math.max(bucket.largest_tokens, ask.min_tokens)
  bucket.largest_requests = math.max(bucket.largest_requests, ask.min_requests)
  local tokens, requests = amount(b, bucket, ask)
  if not tokens or vouch.is_quarantined(b, where.window) then
    return deny(b, bucket, ask, not tokens and requests or TOKENS)
  end
  return grant(b, bucket, ask, where, tokens, requests)
end

-- Draws that a holder denied by itself: a statistic.
function operations.denied(b, denied)
  b.is_changed = true
  buckets.note_denied(book.bucket(b, b.number), denied.tokens, denied.requests)
  return { 'noted' }
end
