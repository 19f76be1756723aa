-- When asking again makes sense, as `hints.rs` of quota-core says it.

-- What may come back to a window: rests of leases that may still be drawn from, and all that nobody has accounted
-- for.
local function expected(b, window)
  local sum = { open_tokens = 0, open_requests = 0, unaccounted_tokens = 0 }
  for number, bucket in pairs(b.buckets) do
    local recent = number == window
    if b.policy.kind == ROLLING then
      recent = number + 2 > b.number
    end
    if recent then
      buckets.finish(b, bucket)
      b.touched[number] = true
      sum.open_tokens = sum.open_tokens + bucket.open_tokens
      sum.open_requests = sum.open_requests + bucket.open_requests
      sum.unaccounted_tokens = sum.unaccounted_tokens + buckets.unaccounted(bucket)
    end
  end
  return sum
end

-- When what is missing will be there whatever holders do, ms from now.
local function certain_ms(b, window, tokens, requests)
  if b.policy.kind == MINUTE then
    return time.window_ends_in_ms(b) + (window - b.number) * MINUTE_MS
  end
  local freed_ms = rolling.freed_ms(b, tokens, requests) or b.ms + MINUTE_MS
  return whole.less(freed_ms, b.ms)
end

-- What must come back before so much is granted, where this is left: below 0, it is charged above the limit.
local function missing(min, left)
  return left < 0 and whole.sum(min, -left) or whole.less(min, left)
end

-- How soon to ask again for `min`, and the state that says why.
function hints.denial(b, window, ask)
  if quota.paused(b) then
    return math.max(time.window_ends_in_ms(b) + (window - b.number) * MINUTE_MS, 1), EXHAUSTED
  end
  local tokens, requests = quota.left(b, window)
  local back = expected(b, window)
  local missing_tokens = missing(ask.min_tokens, tokens)
  local missing_requests = missing(ask.min_requests, requests)
  local certain = certain_ms(b, window, missing_tokens, missing_requests)
  local requests_fit = missing_requests <= back.open_requests
  if missing_tokens <= back.open_tokens and requests_fit then
    return math.max(math.min(BEAT_MS, certain), 1), ENDGAME
  end
  -- A request that was sent stays a request: settling returns tokens only.
  if b.policy.refunds == 1 and missing_tokens <= back.unaccounted_tokens and requests_fit then
    return math.max(math.min(REFUND_MS, certain), 1), EXHAUSTED
  end
  return math.max(certain, 1), EXHAUSTED
end
