-- How records are packed. Old and new servers share the data during an upgrade: a layout never changes; what
-- is new gets a field of its own. Tables are made whole, with room for their fields: growing them costs as much
-- as all the rest.

local POLICY = '>I8I8I8I8I8I8I8'
local STATE = '>I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8'
local BUCKET = '>I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8'
local LEASE = '>c16c16I5I3I5I3I5I3I7I7I6I6BB'
local SLOT = '>I8I8I8I8'
local PERIODS, PERIOD, REACH = '>I8I8BB', '>BBI4I8BI8I2I8I8', '>I8I8I8I8I8I8I8'
local SLOT_SUM = '>I8I8'

-- Behind a policy stands the version of the deployment whose longer limits the book was told; nothing where a build wrote it last
-- that knows of none.
local POLICY_SIZE = 7 * 8

-- Behind a lease's fields stands a print of the wish that it was granted to; nothing where a build wrote it last that
-- knows of none.
local LEASE_SIZE, PRINT_SIZE = 84, 4

function records.policy(blob)
  local version, tokens, requests, kind, life_ms, guard_ms, refunds =
    struct.unpack(POLICY, blob)
  return {
    version = version, tokens = tokens, requests = requests, kind = kind, life_ms = life_ms,
    guard_ms = guard_ms, refunds = refunds,
    told = #blob > POLICY_SIZE and struct.unpack('>I8', blob, POLICY_SIZE + 1) or 0,
  }
end

function records.pack_policy(p)
  return struct.pack(POLICY .. 'I8', p.version, p.tokens, p.requests, p.kind, p.life_ms, p.guard_ms, p.refunds, p.told)
end

-- Takes the state of a book into it.
function records.state(b, blob)
  b.seq, b.ms, b.number, b.minute, b.opens_ms, b.ends_ms, b.quarantined_window,
    b.quarantined_ms, b.holders, b.recount_ms, b.rolling_tokens, b.rolling_requests,
    b.overrun_tokens, b.overrun_requests, b.next_release_ms = struct.unpack(STATE, blob)
end

function records.pack_state(b)
  return struct.pack(STATE, b.seq, b.ms, b.number, b.minute, b.opens_ms, b.ends_ms,
    b.quarantined_window, b.quarantined_ms, b.holders, b.recount_ms, b.rolling_tokens,
    b.rolling_requests, b.overrun_tokens, b.overrun_requests, b.next_release_ms)
end

-- Builds before this one keep in `short_tokens` and `short_requests` the largest that was asked for: of no more weight,
-- since only the last part of a limit depends on them.
function records.bucket(blob)
  local window, minute, kind, tokens, requests, granted_tokens, granted_requests, returned_tokens,
    returned_requests, used_tokens, used_requests, overrun_tokens, overrun_requests, denied_tokens,
    denied_requests, short_tokens, short_requests, open_tokens, open_requests, count, first_open,
    last_end_ms =
    struct.unpack(BUCKET, blob)
  return {
    window = window, minute = minute, kind = kind, tokens = tokens, requests = requests,
    granted_tokens = granted_tokens, granted_requests = granted_requests, returned_tokens = returned_tokens,
    returned_requests = returned_requests, used_tokens = used_tokens, used_requests = used_requests,
    overrun_tokens = overrun_tokens, overrun_requests = overrun_requests, denied_tokens = denied_tokens,
    denied_requests = denied_requests, short_tokens = short_tokens, short_requests = short_requests,
    open_tokens = open_tokens, open_requests = open_requests, count = count, first_open = first_open,
    last_end_ms = last_end_ms,
  }
end

function records.pack_bucket(b)
  return struct.pack(BUCKET, b.window, b.minute, b.kind, b.tokens, b.requests, b.granted_tokens,
    b.granted_requests, b.returned_tokens, b.returned_requests, b.used_tokens, b.used_requests, b.overrun_tokens,
    b.overrun_requests, b.denied_tokens, b.denied_requests, b.short_tokens, b.short_requests, b.open_tokens,
    b.open_requests, b.count, b.first_open, b.last_end_ms)
end

function records.lease(blob)
  local holder, credential, tokens, requests, returned_tokens, returned_requests, used_tokens, used_requests,
    overrun_tokens, overrun_requests, starts_ms, ends_ms, closed, late =
    struct.unpack(LEASE, blob)
  return {
    holder = holder, credential = credential, tokens = tokens, requests = requests,
    returned_tokens = returned_tokens, returned_requests = returned_requests, used_tokens = used_tokens,
    used_requests = used_requests, overrun_tokens = overrun_tokens, overrun_requests = overrun_requests,
    starts_ms = starts_ms, ends_ms = ends_ms, closed = closed, late = late,
    print = string.sub(blob, LEASE_SIZE + 1, LEASE_SIZE + PRINT_SIZE),
  }
end

function records.pack_lease(l)
  return struct.pack(LEASE, l.holder, l.credential, l.tokens, l.requests, l.returned_tokens, l.returned_requests,
    l.used_tokens, l.used_requests, l.overrun_tokens, l.overrun_requests, l.starts_ms, l.ends_ms, l.closed,
    l.late) .. l.print
end

-- A lease that was just granted is packed in three parts, two of which it shares with others of its call: whose it is
-- (holder and credential), how much, and the rest. Its print comes behind.
local AMOUNT = '>I5I3'
local REST = '>I8I8I7I7I6I6BB'

function records.pack_amount(tokens, requests)
  return struct.pack(AMOUNT, tokens, requests)
end

function records.pack_rest(starts_ms, ends_ms)
  return struct.pack(REST, 0, 0, 0, 0, starts_ms, ends_ms, 0, 0)
end

-- What leaves a rolling window at one instant: granted and overrun.
function records.slot(blob)
  local s = { tokens = 0, requests = 0, overrun_tokens = 0, overrun_requests = 0 }
  if blob then
    s.tokens, s.requests, s.overrun_tokens, s.overrun_requests = struct.unpack(SLOT, blob)
  end
  return s
end

function records.pack_slot(s)
  return struct.pack(SLOT, s.tokens, s.requests, s.overrun_tokens, s.overrun_requests)
end

-- What is counted over longer periods: the sequence and the window of the book when it was written, then each account and each
-- window's reach.
function records.periods(blob)
  local seq, number, accounts, reaches, at = struct.unpack(PERIODS, blob)
  local p = { accounts = {}, reaches = {}, is_loaded = false, is_touched = false, is_moved = false }
  for place = 1, accounts do
    local a = { slots = false }
    a.unit, a.kind, a.arg, a.most, a.holds, a.until_slot, a.count, a.first, a.sum, at = struct.unpack(PERIOD, blob, at)
    p.accounts[place] = a
  end
  for _ = 1, reaches do
    local r = {}
    r.window, r.first, r.last, r.ends_ms, r.doubted, r.each_tokens, r.each_requests, at = struct.unpack(REACH, blob, at)
    p.reaches[r.window] = r
  end
  return p, seq, number
end

function records.pack_periods(b)
  local parts, reaches = {}, 0
  for _, a in ipairs(b.periods.accounts) do
    parts[#parts + 1] = struct.pack(PERIOD, a.unit, a.kind, a.arg, a.most, a.holds, a.until_slot, a.count, a.first, a.sum)
  end
  for _, r in pairs(b.periods.reaches) do
    reaches = reaches + 1
    parts[#parts + 1] = struct.pack(REACH, r.window, r.first, r.last, r.ends_ms, r.doubted, r.each_tokens, r.each_requests)
  end
  return struct.pack(PERIODS, b.seq, b.number, #b.periods.accounts, reaches) .. table.concat(parts)
end

-- What one slot holds, and where the next one stands.
function records.slot_sum(blob, at)
  return struct.unpack(SLOT_SUM, blob, at)
end

-- What the slots of all accounts hold, in the order of the accounts.
function records.pack_sums(accounts)
  local parts = {}
  for _, account in ipairs(accounts) do
    for slot, sum in pairs(account.slots) do
      parts[#parts + 1] = struct.pack(SLOT_SUM, slot, sum)
    end
  end
  return table.concat(parts)
end
