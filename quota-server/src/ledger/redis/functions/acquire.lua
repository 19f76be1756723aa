-- Granting, as `acquire.rs` of quota-core does it. A call asks for many leases while its time stands still, so what they
-- have in common is worked out once, and what is left is counted down.

-- An acquire, as packed: its request, the print of its wish, `min`, `want`, and whether it is of the next window.
local ASK, ASK_SIZE, REQUEST_SIZE = '>c16c4I8I8I8I8B', 53, 16

-- The requests of packed acquires.
function acquire.requests(packed)
  local requests, n = {}, 0
  for at = 2, #packed, ASK_SIZE do
    n = n + 1
    requests[n] = string.sub(packed, at, at + REQUEST_SIZE - 1)
  end
  return requests
end

-- What no book could grant: the reply, or nil.
local function refusal(b, ask)
  if ask.want_tokens == 0 and ask.want_requests == 0 then
    return { 'nothing_asked' }
  end
  if ask.min_tokens > ask.want_tokens or ask.min_requests > ask.want_requests then
    return { 'want_below_min' }
  end
  if quota.paused(b) then
    -- What is paused goes on some time, so this is a denial.
    return nil
  end
  local most_tokens, most_requests = quota.most(b)
  if ask.min_tokens > most_tokens then
    return { 'never_fits', TOKENS, 0, 0, most_tokens }
  end
  if ask.min_requests > most_requests then
    return { 'never_fits', REQUESTS, 0, 0, most_requests }
  end
  local account = b.periods and periods.below(b, ask)
  if account then
    return { 'never_fits', account.unit, account.kind, account.arg, account.most }
  end
end

-- How large the lease is; nil where it cannot be. What is charged above a lowered limit, so that less than nothing is left,
-- holds up those too who ask for nothing of that unit.
local function amount(b, at, ask)
  local active = holders.active(b)
  if at.is_quarantined or quota.paused(b) or ask.min_tokens > at.tokens or ask.min_requests > at.requests then
    return nil
  end
  local tokens = quota.size(ask.min_tokens, ask.want_tokens, at.tokens, active, MAX_LEASE.tokens)
  local requests = quota.size(ask.min_requests, ask.want_requests, at.requests, active, MAX_LEASE.requests)
  if tokens > 0 or requests > 0 then
    return tokens, requests
  end
end

-- Whether a window is short of something, and not only a longer period of what was not asked for.
local function is_short(b, at, ask)
  local tokens, requests = quota.left(b, at.window)
  return quota.paused(b) or tokens < 0 or requests < 0
    or ask.min_tokens > math.max(at.tokens, 0) or ask.min_requests > math.max(at.requests, 0)
end

local function deny(b, at, ask)
  places.settle(b, at)
  buckets.note_denied(at.bucket, ask.min_tokens, ask.min_requests)
  local denial
  if at.is_quarantined then
    denial = hints.of(TOKENS, vouch.quarantined_for_ms(b), QUARANTINED)
  else
    denial = hints.denial(b, at, ask)
    if is_short(b, at, ask) then
      buckets.note_short(at.bucket, ask.min_tokens, ask.min_requests)
    end
  end
  local asked = b.number
  if ask.ahead == 1 and b.policy.kind == MINUTE then
    asked = b.number + 1
  end
  b.shown[asked] = true
  return { 'denied', denial.unit, denial.kind, denial.arg, denial.retry_ms, denial.state, asked }
end

-- Whether a lease was granted to this wish, as far as is written down of it.
local function may_be_of(lease, ask)
  return (lease.print == '' or lease.print == ask.print)
    and ask.min_tokens <= lease.tokens and lease.tokens <= ask.want_tokens
    and ask.min_requests <= lease.requests and lease.requests <= ask.want_requests
end

local function repeated(b, window, number, lease, ask)
  if not may_be_of(lease, ask) then
    return { 'request_id_reused' }
  end
  local tokens, requests = leases.kept(lease)
  -- Who returned all of it is through with it.
  if lease.closed == 1 or tokens == 0 and requests == 0 then
    return { 'lease_closed' }
  end
  b.shown[window] = true
  local starts_in_ms, ends_in_ms, credit_ends_in_ms = places.times(b, window, lease.starts_ms, lease.ends_ms)
  return {
    'granted', window, number, lease.tokens, lease.requests, starts_in_ms, ends_in_ms, credit_ends_in_ms,
    periods.returns_in_ms(b, window), 1,
  }
end

-- Where a lease is granted, and its amount; or the reply that says why there is none.
local function decide(b, ask)
  local window, number, known = leases.of_request(b, ask.request)
  if known then
    return nil, repeated(b, window, number, known, ask)
  end
  local never = refusal(b, ask)
  if never then
    return nil, never
  end
  local at, early_ms = places.of(b, ask.ahead)
  if not at then
    return nil, { 'too_early', early_ms }
  end
  local tokens, requests = amount(b, at, ask)
  if not tokens then
    return nil, deny(b, at, ask)
  end
  return at, tokens, requests
end

-- The long way, which decides. Answers with where a lease was granted, or nil.
local function run(b, asker, ask, answers)
  holders.rest(b)
  holders.seen(b, asker.holder)
  local at, tokens, requests = decide(b, ask)
  if at then
    places.grant(b, at, asker, ask.request, ask.print, tokens, requests, answers)
  else
    places.finish_row(b, answers)
    reply.append(answers, tokens)
  end
  return at
end

-- Whether a holder that was just granted a lease there gets all it wants once more, whatever `decide` looks at.
local function is_plenty(at, twice_active, min_tokens, min_requests, want_tokens, want_requests)
  return min_tokens <= want_tokens and min_requests <= want_requests
    and want_tokens <= at.most_tokens and want_requests <= at.most_requests
    and want_tokens * twice_active <= at.tokens and want_requests * twice_active <= at.requests
    and want_tokens + want_requests > 0
end

-- Leases, or why there are none. Who asked, and how much, is written down either way.
function operations.acquire(b, op, answers)
  b.is_changed = true
  local at, twice_active
  for offset = 2, #op.packed, ASK_SIZE do
    local request, print, min_tokens, min_requests, want_tokens, want_requests, ahead =
      struct.unpack(ASK, op.packed, offset)
    if at and at.ahead == ahead and not b.asked[request]
      and is_plenty(at, twice_active, min_tokens, min_requests, want_tokens, want_requests) then
      places.grant(b, at, op.asker, request, print, want_tokens, want_requests, answers)
    else
      at = run(b, op.asker, {
        request = request, print = print, min_tokens = min_tokens, min_requests = min_requests,
        want_tokens = want_tokens, want_requests = want_requests, ahead = ahead,
      }, answers)
      twice_active = 2 * b.holders
    end
  end
end

-- Draws that a holder denied by itself: a statistic.
function operations.denied(b, denied)
  b.is_changed = true
  buckets.note_denied(book.bucket(b, b.number), denied.tokens, denied.requests)
  return { 'noted' }
end
