-- How full a window is, how much to grant, and what its state is: `sizing.rs`, `hints.rs` of quota-core.

-- The part of a limit below which its endgame begins.
local ENDGAME_PERCENT = 3

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

-- What can be granted of a window: its limit less what is outstanding and overrun.
function quota.available(b, window)
  local tokens, requests, overrun_tokens, overrun_requests = quota.spent(b, window)
  local left_tokens = whole.less(math.min(b.policy.tokens, MAX), tokens)
  local left_requests = whole.less(math.min(b.policy.requests, MAX), requests)
  return whole.less(left_tokens, overrun_tokens), whole.less(left_requests, overrun_requests)
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

-- The largest request that was asked for in this window or the one before.
local function largest(b, window)
  local tokens, requests = 0, 0
  for number = window - 1, window do
    local bucket = b.buckets[number]
    if bucket then
      tokens = math.max(tokens, bucket.largest_tokens)
      requests = math.max(requests, bucket.largest_requests)
    end
  end
  return tokens, requests
end

local function is_near(limit, available, large, holders)
  if limit == NO_LIMIT then
    return false
  end
  local part = whole.quotient(limit, 100) * ENDGAME_PERCENT
  return available < math.max(part, holders * large)
end

-- What a window is like just now.
function quota.state(b, window)
  if vouch.is_quarantined(b, window) then
    return QUARANTINED
  end
  local tokens, requests = quota.available(b, window)
  local large_tokens, large_requests = largest(b, window)
  local near = is_near(b.policy.tokens, tokens, large_tokens, b.holders)
    or is_near(b.policy.requests, requests, math.max(large_requests, 1), b.holders)
  if not near then
    return OK
  end
  local none_left = b.policy.tokens ~= NO_LIMIT and tokens == 0 or b.policy.requests ~= NO_LIMIT and requests == 0
  return none_left and EXHAUSTED or ENDGAME
end
