-- How records are packed. Old and new servers share the data during an upgrade: a layout never changes; what
-- is new gets a field of its own.

local POLICY = '>I8I8I8I8I8I8I8'
local STATE = '>I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8'
local BUCKET = '>I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8'
local LEASE = '>c16c16I5I3I5I3I5I3I7I7I6I6BB'
local SLOT = '>I8I8I8I8'

function records.policy(blob)
  local p = {}
  p.version, p.tokens, p.requests, p.kind, p.life_ms, p.guard_ms, p.refunds = struct.unpack(POLICY, blob)
  return p
end

function records.pack_policy(p)
  return struct.pack(POLICY, p.version, p.tokens, p.requests, p.kind, p.life_ms, p.guard_ms, p.refunds)
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

function records.bucket(blob)
  local b = {}
  b.window, b.minute, b.kind, b.tokens, b.requests, b.granted_tokens, b.granted_requests, b.returned_tokens,
    b.returned_requests, b.used_tokens, b.used_requests, b.overrun_tokens, b.overrun_requests, b.denied_tokens,
    b.denied_requests, b.largest_tokens, b.largest_requests, b.open_tokens, b.open_requests, b.count,
    b.first_open, b.last_end_ms = struct.unpack(BUCKET, blob)
  return b
end

function records.pack_bucket(b)
  return struct.pack(BUCKET, b.window, b.minute, b.kind, b.tokens, b.requests, b.granted_tokens,
    b.granted_requests, b.returned_tokens, b.returned_requests, b.used_tokens, b.used_requests, b.overrun_tokens,
    b.overrun_requests, b.denied_tokens, b.denied_requests, b.largest_tokens, b.largest_requests, b.open_tokens,
    b.open_requests, b.count, b.first_open, b.last_end_ms)
end

function records.lease(blob)
  local l = {}
  l.holder, l.credential, l.tokens, l.requests, l.returned_tokens, l.returned_requests, l.used_tokens,
    l.used_requests, l.overrun_tokens, l.overrun_requests, l.starts_ms, l.ends_ms, l.closed, l.late =
    struct.unpack(LEASE, blob)
  return l
end

function records.pack_lease(l)
  return struct.pack(LEASE, l.holder, l.credential, l.tokens, l.requests, l.returned_tokens, l.returned_requests,
    l.used_tokens, l.used_requests, l.overrun_tokens, l.overrun_requests, l.starts_ms, l.ends_ms, l.closed,
    l.late)
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
