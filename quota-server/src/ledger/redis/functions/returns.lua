-- Giving back and reporting usage, as `returns.rs` of quota-core does it: running totals, merged by maximum.

-- The lease that an operation names, and where it is; nil, and the answer, where it cannot be touched.
local function named(b, op, none)
  local at = { window = op.window, number = op.number }
  at.lease, at.bucket = leases.find(b, op.window, op.number)
  if not at.lease then
    return nil, none(b, op.window)
  end
  if at.lease.credential ~= op.credential then
    return nil, { 'not_yours' }
  end
  return at
end

local function returned(tokens, requests, all_tokens, all_requests)
  return { 'returned', tokens, requests, all_tokens, all_requests }
end

-- An old lease: too late for credit, and no fault of the holder's. In a quarantined window a lease may be one whose
-- grant is lost.
local function return_of_none(b, window)
  if window < b.number or vouch.is_quarantined(b, window) then
    return returned(0, 0, 0, 0)
  end
  return { 'no_such_lease' }
end

local function earns_credit(b, window, lease)
  -- A longer period is credited as long as the window's leases are kept.
  if periods.is_used(b) then
    return true
  end
  if b.policy.kind == ROLLING then
    return rolling.released_ms(lease.ends_ms) > b.ms
  end
  return window >= b.number
end

local function enter_return(b, at, total, closed)
  local lease, bucket = at.lease, at.bucket
  local rest_tokens, rest_requests = leases.open_rest(lease)
  local tokens, requests = total.tokens - lease.returned_tokens, total.requests - lease.returned_requests
  lease.returned_tokens, lease.returned_requests, lease.closed = total.tokens, total.requests, closed
  buckets.change(bucket, at.number, rest_tokens, rest_requests, lease)
  bucket.returned_tokens = bucket.returned_tokens + tokens
  bucket.returned_requests = bucket.returned_requests + requests
  b.touched[at.window] = true
  if b.policy.kind == ROLLING and rolling.released_ms(lease.ends_ms) > b.ms then
    rolling.give_back(b, lease, tokens, requests)
  end
  leases.save(b, at)
  book.count(b)
end

local function exceeds(lease, returned_tokens, returned_requests, used_tokens, used_requests)
  return returned_tokens + used_tokens > lease.tokens or returned_requests + used_requests > lease.requests
end

-- A return: running totals.
function operations.give_back(b, op)
  local at, no = named(b, op, return_of_none)
  if not at then
    return no
  end
  if not at.bucket then
    return returned(0, 0, 0, 0)
  end
  local lease = at.lease
  local total = {
    tokens = math.max(lease.returned_tokens, op.tokens),
    requests = math.max(lease.returned_requests, op.requests),
  }
  if exceeds(lease, total.tokens, total.requests, lease.used_tokens, lease.used_requests) then
    return { 'exceeds_lease' }
  end
  if not earns_credit(b, at.window, lease) then
    return returned(0, 0, lease.returned_tokens, lease.returned_requests)
  end
  local tokens, requests = total.tokens - lease.returned_tokens, total.requests - lease.returned_requests
  local closed = (lease.closed == 1 or op.closed) and 1 or 0
  if tokens ~= 0 or requests ~= 0 or closed ~= lease.closed then
    enter_return(b, at, total, closed)
  end
  return returned(tokens, requests, total.tokens, total.requests)
end

local function no_such_lease()
  return { 'no_such_lease' }
end

-- What a report adds, and the totals that it comes to.
local function merged(lease, op)
  local m = {
    used_tokens = math.max(lease.used_tokens, op.tokens),
    used_requests = math.max(lease.used_requests, op.requests),
    overrun_tokens = math.max(lease.overrun_tokens, op.overrun_tokens),
    overrun_requests = math.max(lease.overrun_requests, op.overrun_requests),
  }
  m.more_tokens, m.more_requests = m.used_tokens - lease.used_tokens, m.used_requests - lease.used_requests
  m.over_tokens, m.over_requests = m.overrun_tokens - lease.overrun_tokens, m.overrun_requests - lease.overrun_requests
  m.changed = m.more_tokens + m.more_requests + m.over_tokens + m.over_requests > 0
  return m
end

-- Adds a report to a window's sums, of an open book or of a closed one.
function buckets.use(bucket, m)
  bucket.used_tokens = bucket.used_tokens + m.more_tokens
  bucket.used_requests = bucket.used_requests + m.more_requests
  bucket.overrun_tokens = whole.sum(bucket.overrun_tokens, m.over_tokens)
  bucket.overrun_requests = whole.sum(bucket.overrun_requests, m.over_requests)
end

local function enter_use(b, at, m)
  local lease, bucket = at.lease, at.bucket
  local rest_tokens, rest_requests = leases.open_rest(lease)
  lease.used_tokens, lease.used_requests = m.used_tokens, m.used_requests
  lease.overrun_tokens, lease.overrun_requests = m.overrun_tokens, m.overrun_requests
  book.count(b)
  if bucket then
    buckets.change(bucket, at.number, rest_tokens, rest_requests, lease)
    buckets.use(bucket, m)
    b.touched[at.window] = true
  else
    lease.late = 1
    history.use_late(b, at.window, m)
  end
  periods.overrun(b, at.window, m.over_tokens, m.over_requests)
  if b.policy.kind == ROLLING then
    rolling.overrun(b, m.over_tokens, m.over_requests)
  end
  leases.save(b, at)
end

-- A usage report: running totals.
function operations.use(b, op)
  local at, no = named(b, op, no_such_lease)
  if not at then
    return no
  end
  local lease, m = at.lease, merged(at.lease, op)
  if exceeds(lease, lease.returned_tokens, lease.returned_requests, m.used_tokens, m.used_requests) then
    return { 'exceeds_lease' }
  end
  if m.changed then
    enter_use(b, at, m)
  end
  return { 'used',
    m.used_tokens, m.used_requests, m.overrun_tokens, m.overrun_requests, m.over_tokens, m.over_requests,
    m.changed and not at.bucket and 1 or 0, at.window, m.more_tokens, m.more_requests,
  }
end
