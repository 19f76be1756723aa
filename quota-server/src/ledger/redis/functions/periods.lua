-- What is charged over the longer periods of a deployment's limits, as `periods.rs` of quota-core keeps it. Of a window that the
-- book keeps there is a *reach*: which minutes its leases may be drawn from in, when the last of them ends, and what of it is in
-- doubt; what it charged its bucket says. When it is closed, that goes into the *slot* of each period that it reaches into: of the
-- calendar the span with this number, of a rolling span the slice of time at whose end its charges leave.
--
-- Two fields of the book's hash: `periods` goes with each call that there is something counted for; `sums`, what each slot holds,
-- is read and written where a slot is, mostly once a minute.

-- What a window charged of a unit.
local function charged_in(b, window, unit)
  local bucket = b.buckets[window] or b.closing[window]
  if not bucket then
    return 0
  end
  local tokens, requests = buckets.outstanding(bucket)
  if unit == TOKENS then
    return whole.sum(tokens, bucket.overrun_tokens)
  end
  return whole.sum(requests, bucket.overrun_requests)
end

-- What of it counts against a limit, of the calendar in this slot. Of windows in doubt no more can than have been in it by then.
function periods.counts(b, account, reach, slot)
  local charged, passed = charged_in(b, reach.window, account.unit), nil
  if reach.doubted == 0 then
    return charged
  end
  if periods.is_rolling(account) then
    passed = math.ceil(account.arg / 60)
  else
    local begins = slot > 0 and periods.end_of(account, slot - 1) or 0
    passed = whole.less(math.min(periods.end_of(account, slot), reach.last + 1), begins)
  end
  local each = account.unit == TOKENS and reach.each_tokens or reach.each_requests
  -- The open window and the one after it are beside the minutes that have passed.
  return math.max(charged, math.min(each * math.min(reach.doubted, passed + 2), MAX))
end

-- Reads what the slots hold.
function periods.load(b)
  local p, at = b.periods, 1
  if p.is_loaded then
    return
  end
  p.is_loaded = true
  local blob = redis.call('HGET', b.key, 'sums')
  for _, account in ipairs(p.accounts) do
    account.slots = {}
    for _ = 1, account.count do
      local slot, sum
      slot, sum, at = records.slot_sum(blob, at)
      account.slots[slot] = sum
    end
  end
end

-- The slots of an account have changed.
local function tally(b, account)
  account.count, account.first, account.sum = 0, 0, 0
  for slot, sum in pairs(account.slots) do
    account.first = account.count > 0 and math.min(account.first, slot) or slot
    account.count, account.sum = account.count + 1, whole.sum(account.sum, sum)
  end
  b.periods.is_moved, b.periods.is_touched = true, true
end

local function add(b, account, slot, amount)
  if amount > 0 then
    periods.load(b)
    account.slots[slot] = whole.sum(account.slots[slot] or 0, amount)
    tally(b, account)
  end
end

local function close_window(b, reach)
  for _, account in ipairs(b.periods.accounts) do
    local first, last = periods.slots(account, reach)
    for slot = first, last do
      add(b, account, slot, periods.counts(b, account, reach, slot))
    end
  end
end

-- Closes the windows that are over.
local function close(b)
  local oldest = b.number + 1 - book.kept_windows(b)
  for _, bucket in ipairs(b.over) do
    b.closing[bucket.window] = bucket
  end
  for window, reach in pairs(b.periods.reaches) do
    if window < oldest then
      close_window(b, reach)
      b.periods.reaches[window], b.periods.is_touched = nil, true
    end
  end
end

local function drop_before(b, account, first)
  periods.load(b)
  for slot in pairs(account.slots) do
    if slot < first then
      account.slots[slot] = nil
    end
  end
  tally(b, account)
end

-- Lets go what counts no more.
local function release(b)
  local kept = {}
  for _, account in ipairs(b.periods.accounts) do
    local first = periods.first_slot(b, account)
    if account.count > 0 and account.first < first then
      drop_before(b, account, first)
    end
    if account.holds == 1 or account.until_slot >= first then
      kept[#kept + 1] = account
    end
  end
  if #kept < #b.periods.accounts then
    periods.load(b)
    b.periods.accounts, b.periods.is_moved, b.periods.is_touched = kept, true, true
  end
end

-- A window's leases may be drawn from in these minutes too, and the last of them ends then.
function periods.reach(b, window, first, last, ends_ms)
  local p = b.periods
  local reach = p.reaches[window]
  if not reach then
    reach = {
      window = window, first = first, last = last, ends_ms = ends_ms, doubted = 0, each_tokens = 0, each_requests = 0,
    }
    p.reaches[window] = reach
  end
  reach.first, reach.last = math.min(reach.first, first), math.max(reach.last, last)
  reach.ends_ms = math.max(reach.ends_ms, ends_ms)
  p.is_touched = true
  return reach
end

-- Windows from before something was counted: what is not known of them is taken for as late as it can have been.
local function reach_unknown(b)
  for window, bucket in pairs(b.buckets) do
    if not b.periods.reaches[window] and bucket.count > 0 then
      local last = time.minute_at(b, whole.less(bucket.last_end_ms, 1))
      local is_overrun = bucket.overrun_tokens + bucket.overrun_requests > 0
      local ends_ms = math.max(bucket.last_end_ms, is_overrun and b.ms or 0)
      periods.reach(b, window, whole.less(bucket.minute, 1), math.max(last, bucket.minute), ends_ms)
    end
  end
end

local function new(b)
  b.periods = { accounts = {}, reaches = {}, is_loaded = true, is_touched = true, is_moved = true }
  reach_unknown(b)
end

-- Of so many windows up to the one after the open one nobody knows what they charged: each may have charged its limit, and of a
-- period no more count than it has. It is written down where nothing is counted, too: a limit may be on its way. Again for the
-- same windows, it changes nothing.
function periods.doubt(b, windows)
  if not b.periods then
    new(b)
  end
  local ends_ms = b.ends_ms + MINUTE_MS
  local first, last = time.minutes(b, b.ms, ends_ms)
  local reach = periods.reach(b, b.number, first, last, ends_ms)
  reach.doubted = math.max(reach.doubted, windows)
  periods.doubt_limit(b, reach)
end

-- What a window in doubt may have charged: the largest limit that is known of.
function periods.doubt_limit(b, reach)
  reach.each_tokens = math.max(reach.each_tokens, math.min(b.policy.tokens, MAX))
  reach.each_requests = math.max(reach.each_requests, math.min(b.policy.requests, MAX))
end

-- Takes in what the book says, and lets time pass.
function periods.take(b, blob)
  if not blob then
    return
  end
  local seq, number
  b.periods, seq, number = records.periods(blob)
  if seq ~= b.seq then
    -- An older build's library has changed something since, and charged no period.
    reach_unknown(b)
    periods.doubt(b, b.number + 2 - number)
  end
  close(b)
  release(b)
end

-- Whether something is counted.
function periods.is_used(b)
  return b.periods and #b.periods.accounts > 0
end

-- Whether a limit holds.
function periods.hold(b)
  for _, account in ipairs(b.periods and b.periods.accounts or {}) do
    if account.holds == 1 then
      return true
    end
  end
  return false
end

-- Whether nothing is charged.
function periods.is_empty(b)
  if b.periods then
    for _, account in ipairs(b.periods.accounts) do
      if account.count > 0 then
        return false
      end
    end
    return next(b.periods.reaches) == nil
  end
  return true
end

-- The account of a limit among those of before, which it is taken from; or a new one.
local function account_of(limit, before)
  for at, account in ipairs(before) do
    if account.unit == limit.unit and account.kind == limit.kind and account.arg == limit.arg then
      return table.remove(before, at)
    end
  end
  return { unit = limit.unit, kind = limit.kind, arg = limit.arg, count = 0, first = 0, sum = 0, slots = {} }
end

-- These limits hold from here on. Those that were taken away are counted on until the period in which that was is over, as many
-- as a deployment may have: should one be put again, what was charged meanwhile counts.
function periods.set(b, limits)
  if not b.periods then
    if #limits == 0 then
      return
    end
    new(b)
  end
  periods.load(b)
  local p, accounts = b.periods, {}
  for at, limit in ipairs(limits) do
    local account = account_of(limit, p.accounts)
    account.most, account.holds, account.until_slot = limit.most, 1, 0
    accounts[at] = account
  end
  for at = 1, math.min(#p.accounts, MAX_PERIODS) do
    local account = p.accounts[at]
    if account.holds == 1 then
      account.holds, account.until_slot = 0, periods.last_slot(b, account)
    end
    accounts[#accounts + 1] = account
  end
  p.accounts, p.is_moved, p.is_touched = accounts, true, true
  for _, reach in pairs(p.reaches) do
    if reach.doubted > 0 then
      -- A limit that was put with what is lost.
      periods.doubt_limit(b, reach)
    end
  end
end

-- So much more than a lease of a window held was used. Of one whose book is closed it counts from its report on.
function periods.overrun(b, window, tokens, requests)
  if not b.periods or tokens == 0 and requests == 0 then
    return
  end
  local first, last = time.minutes(b, b.ms, b.ms + 1)
  if b.buckets[window] then
    local reach = b.periods.reaches[window]
    periods.reach(b, window, reach and reach.first or first, reach and reach.last or last, b.ms)
    return
  end
  local reach = { first = first, last = last, ends_ms = b.ms }
  for _, account in ipairs(b.periods.accounts) do
    local first_slot, last_slot = periods.slots(account, reach)
    for slot = first_slot, last_slot do
      add(b, account, slot, account.unit == TOKENS and tokens or requests)
    end
  end
end

-- Whether it may go: nothing is counted, and nothing in doubt that a limit to come would count.
local function is_over(p)
  if #p.accounts > 0 then
    return false
  end
  for _, reach in pairs(p.reaches) do
    if reach.doubted > 0 then
      return false
    end
  end
  return true
end

-- Appends what changed to the fields that are to be written of a book. Its sequence goes with each change, so that one of an older
-- build's library is noticed.
function periods.write(b, fields)
  local p = b.periods
  if not p then
    return
  end
  if is_over(p) then
    redis.call('HDEL', b.key, 'periods', 'sums')
    return
  end
  if p.is_touched or b.seq ~= b.seq_before or b.number ~= b.number_before then
    reply.append(fields, { 'periods', records.pack_periods(b) })
  end
  if p.is_moved then
    reply.append(fields, { 'sums', records.pack_sums(p.accounts) })
  end
end
