-- When asking again makes sense, as `hints.rs` of quota-core says it.

-- What may come back from these windows: rests of leases that may still be drawn from, and all that nobody has accounted for.
local function expected(b, is_of)
  local sum = { open_tokens = 0, open_requests = 0, unaccounted_tokens = 0 }
  for number, bucket in pairs(b.buckets) do
    if is_of(number) then
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

-- A denial: what is short, over which longer period if that is it, when to ask again, and the state that says why.
function hints.of(unit, retry_ms, state, account)
  return {
    unit = unit, kind = account and account.kind or 0, arg = account and account.arg or 0,
    retry_ms = math.max(retry_ms, 1), state = state,
  }
end

-- When so much that is missing may come back from holders of these windows, if that is before it is certain to be there, and the
-- state that this is.
local function hope(b, tokens, requests, certain, is_of)
  local back = expected(b, is_of)
  local requests_fit = requests <= back.open_requests
  if tokens <= back.open_tokens and requests_fit then
    return math.min(BEAT_MS, certain), ENDGAME
  end
  -- A request that was sent stays a request: settling returns tokens only.
  if b.policy.refunds == 1 and tokens <= back.unaccounted_tokens and requests_fit then
    return math.min(REFUND_MS, certain), EXHAUSTED
  end
  return certain, EXHAUSTED
end

local function in_window(b, window, unit, tokens, requests)
  if quota.paused(b) then
    return hints.of(unit, time.window_ends_in_ms(b) + (window - b.number) * MINUTE_MS, EXHAUSTED)
  end
  local retry_ms, state = hope(b, tokens, requests, certain_ms(b, window, tokens, requests), function(number)
    return number == window or b.policy.kind == ROLLING and number + 2 > b.number
  end)
  return hints.of(unit, retry_ms, state)
end

-- The same of a longer period, which all leases that are kept come back to.
local function in_period(b, short)
  local is_tokens = short.account.unit == TOKENS
  local tokens, requests = is_tokens and short.missing or 0, is_tokens and 0 or short.missing
  local retry_ms, state = hope(b, tokens, requests, short.certain_ms, function(number) return number <= b.number end)
  return hints.of(short.account.unit, retry_ms, state, short.account)
end

-- How soon to ask again for `min`: by what is short for longest, the window or a longer period.
function hints.denial(b, at, ask)
  local tokens, requests = quota.left(b, at.window)
  tokens, requests = missing(ask.min_tokens, tokens), missing(ask.min_requests, requests)
  local unit = quota.paused(b) or tokens > 0 and TOKENS or requests > 0 and REQUESTS
  local short = b.periods and periods.short_of(b, ask, at.first_minute, at.last_minute)
  local of_period = short and in_period(b, short)
  if not unit and of_period then
    return of_period
  end
  local of_window = in_window(b, at.window, unit or TOKENS, tokens, requests)
  return of_period and of_period.retry_ms >= of_window.retry_ms and of_period or of_window
end
