-- Granting, as `acquire.rs` of quota-core does it. A call asks for many leases while its time stands still, so what they
-- have in common is worked out once, and what is left is counted down.

-- An acquire, as packed: its request, `min`, `want`, and whether it is of the next window.
local ASK, ASK_SIZE, REQUEST_SIZE = '>c16I8I8I8I8B', 49, 16

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
  local most_tokens, most_requests = quota.most(b)
  if ask.min_tokens > most_tokens then
    return { 'never_fits', TOKENS, most_tokens }
  end
  if ask.min_requests > most_requests then
    return { 'never_fits', REQUESTS, most_requests }
  end
end

-- The unit in which there is too little, or nil.
local function short_of(at, ask)
  if ask.min_tokens > at.tokens then
    return TOKENS
  end
  if ask.min_requests > at.requests then
    return REQUESTS
  end
end

-- How large the lease is; nil and the unit that is short where it cannot be.
local function amount(b, at, ask)
  local active = holders.active(b)
  local short = short_of(at, ask)
  if short then
    return nil, short
  end
  local tokens = quota.size(ask.min_tokens, ask.want_tokens, at.tokens, active, MAX_LEASE.tokens)
  local requests = quota.size(ask.min_requests, ask.want_requests, at.requests, active, MAX_LEASE.requests)
  if at.is_quarantined or tokens == 0 and requests == 0 then
    return nil, TOKENS
  end
  return tokens, requests
end

local function deny(b, at, ask, unit)
  places.settle(b, at)
  buckets.note_denied(at.bucket, ask.min_tokens, ask.min_requests)
  local retry_ms, state
  if at.is_quarantined then
    retry_ms, state = math.max(vouch.quarantined_for_ms(b), 1), QUARANTINED
  else
    retry_ms, state = hints.denial(b, at.window, ask)
  end
  local asked = b.number
  if ask.ahead == 1 and b.policy.kind == MINUTE then
    asked = b.number + 1
  end
  b.shown[asked] = true
  return { 'denied', unit, retry_ms, state, asked }
end

local function repeated(b, window, number, lease)
  b.shown[window] = true
  local starts_in_ms, ends_in_ms, credit_ends_in_ms = places.times(b, window, lease.starts_ms, lease.ends_ms)
  return { 'granted', window, number, lease.tokens, lease.requests, starts_in_ms, ends_in_ms, credit_ends_in_ms, 1 }
end

-- Where a lease is granted, and its amount; or the reply that says why there is none.
local function decide(b, ask)
  local window, number, known = leases.of_request(b, ask.request)
  if known then
    return nil, repeated(b, window, number, known)
  end
  local never = refusal(b, ask)
  if never then
    return nil, never
  end
  local at, early_ms = places.of(b, ask.ahead)
  if not at then
    return nil, { 'too_early', early_ms }
  end
  buckets.note_asked(at.bucket, ask.min_tokens, ask.min_requests)
  local tokens, requests = amount(b, at, ask)
  if not tokens then
    return nil, deny(b, at, ask, requests)
  end
  return at, tokens, requests
end

-- The long way, which decides. Answers with where a lease was granted, or nil.
local function run(b, asker, ask, answers)
  holders.rest(b)
  holders.seen(b, asker.holder)
  local at, tokens, requests = decide(b, ask)
  if at then
    places.grant(b, at, asker, ask.request, tokens, requests, answers)
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
    local request, min_tokens, min_requests, want_tokens, want_requests, ahead =
      struct.unpack(ASK, op.packed, offset)
    if at and at.ahead == ahead and not b.asked[request]
      and is_plenty(at, twice_active, min_tokens, min_requests, want_tokens, want_requests) then
      buckets.note_asked(at.bucket, min_tokens, min_requests)
      places.grant(b, at, op.asker, request, want_tokens, want_requests, answers)
    else
      at = run(b, op.asker, {
        request = request, min_tokens = min_tokens, min_requests = min_requests, want_tokens = want_tokens,
        want_requests = want_requests, ahead = ahead,
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
