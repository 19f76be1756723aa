-- What the last 60 s hold. A lease may be drawn from until its end, so its charge stays for 60 s from that end.
-- Charges that leave at the same instant share a slot of the hash `ring`; the zset `releases` has their order.

-- How many slots one call looks at. What is due and not yet released stays charged until the next call.
local MOST = 1000
-- How many of them a hint looks ahead.
local SEEN = 250

function rolling.released_ms(ends_ms)
  return ends_ms + MINUTE_MS
end

-- Releases what left the last 60 s.
function rolling.release(b)
  b.released = {}
  if b.next_release_ms == 0 or b.next_release_ms > b.ms then
    return
  end
  local order = redis.call('ZRANGE', b.prefix .. 'releases', 0, MOST)
  if #order == 0 then
    return rolling.tear(b)
  end
  b.next_release_ms = 0
  for at, instant in ipairs(order) do
    if at > MOST or tonumber(instant) > b.ms then
      b.next_release_ms = tonumber(instant)
      break
    end
    table.insert(b.released, instant)
  end
  rolling.uncharge(b)
end

-- Slots are missing (an eviction): what is held cannot be told any more.
function rolling.tear(b)
  b.is_torn, b.released, b.next_release_ms = true, {}, 0
  b.rolling_tokens, b.rolling_requests, b.overrun_tokens, b.overrun_requests = 0, 0, 0, 0
  book.write(b, 'DEL', b.prefix .. 'ring', b.prefix .. 'releases')
end

-- Takes the released slots out of the sums.
function rolling.uncharge(b)
  if #b.released == 0 then
    return
  end
  for _, blob in ipairs(redis.call('HMGET', b.prefix .. 'ring', unpack(b.released))) do
    if not blob then
      return rolling.tear(b)
    end
    local slot = records.slot(blob)
    b.rolling_tokens = whole.less(b.rolling_tokens, slot.tokens)
    b.rolling_requests = whole.less(b.rolling_requests, slot.requests)
    b.overrun_tokens = whole.less(b.overrun_tokens, slot.overrun_tokens)
    b.overrun_requests = whole.less(b.overrun_requests, slot.overrun_requests)
  end
  book.write(b, 'HDEL', b.prefix .. 'ring', unpack(b.released))
  book.write(b, 'ZREM', b.prefix .. 'releases', unpack(b.released))
end

local function slot_of(blob)
  local slot = records.slot(blob)
  slot.is_new = not blob
  return slot
end

-- The slot of an instant, read once and written at the end of the call. Whoever asks for it changes it.
local function slot_at(b, released_ms)
  b.upcoming = false
  local slot = b.slots[released_ms] or b.read_slots[released_ms]
    or slot_of(redis.call('HGET', b.prefix .. 'ring', whole.text(released_ms)))
  b.slots[released_ms] = slot
  return slot
end

-- The slot of an instant, which is there from now on.
local function kept_slot(b, released_ms)
  if b.next_release_ms == 0 or released_ms < b.next_release_ms then
    b.next_release_ms = released_ms
  end
  return slot_at(b, released_ms)
end

function rolling.grant(b, tokens, requests, ends_ms)
  local slot = kept_slot(b, rolling.released_ms(ends_ms))
  slot.tokens = slot.tokens + tokens
  slot.requests = slot.requests + requests
  b.rolling_tokens = b.rolling_tokens + tokens
  b.rolling_requests = b.rolling_requests + requests
end

function rolling.give_back(b, lease, tokens, requests)
  local slot = slot_at(b, rolling.released_ms(lease.ends_ms))
  tokens, requests = math.min(tokens, slot.tokens), math.min(requests, slot.requests)
  slot.tokens = slot.tokens - tokens
  slot.requests = slot.requests - requests
  b.rolling_tokens = whole.less(b.rolling_tokens, tokens)
  b.rolling_requests = whole.less(b.rolling_requests, requests)
end

-- An overrun counts from its report on.
function rolling.overrun(b, tokens, requests)
  if tokens == 0 and requests == 0 then
    return
  end
  local slot = kept_slot(b, rolling.released_ms(b.ms))
  -- What a sum cannot hold, no slot may take out of it.
  tokens = math.min(tokens, MAX - b.overrun_tokens)
  requests = math.min(requests, MAX - b.overrun_requests)
  slot.overrun_tokens = slot.overrun_tokens + tokens
  slot.overrun_requests = slot.overrun_requests + requests
  b.overrun_tokens = b.overrun_tokens + tokens
  b.overrun_requests = b.overrun_requests + requests
end

-- The next instants at which something leaves, as they were before this call. They and their slots are read once.
local function stored(b)
  if not b.stored then
    local first = #b.released
    b.stored = redis.call('ZRANGE', b.prefix .. 'releases', first, first + SEEN - 1)
    local blobs = #b.stored > 0 and redis.call('HMGET', b.prefix .. 'ring', unpack(b.stored)) or {}
    for at, instant in ipairs(b.stored) do
      local released_ms = tonumber(instant)
      b.read_slots[released_ms] = b.slots[released_ms] or slot_of(blobs[at])
      b.stored[at] = released_ms
    end
  end
  return b.stored
end

-- Those of this call too, in their order.
local function instants(b)
  local order = { unpack(stored(b)) }
  for instant, slot in pairs(b.slots) do
    if slot.is_new and instant > b.ms and not b.read_slots[instant] then
      table.insert(order, instant)
    end
  end
  table.sort(order)
  return order
end

-- What has left by each of them. Worked out anew only when something was charged or given back since: a call may have as
-- many denials as entries.
local function upcoming(b)
  if not b.upcoming then
    local tokens, requests = 0, 0
    b.upcoming = {}
    for at, instant in ipairs(instants(b)) do
      local slot = b.slots[instant] or b.read_slots[instant]
      tokens = tokens + slot.tokens + slot.overrun_tokens
      requests = requests + slot.requests + slot.overrun_requests
      b.upcoming[at] = { ms = instant, tokens = tokens, requests = requests }
    end
  end
  return b.upcoming
end

-- When so much more will have been released; nil if nothing will. What is too far away to be looked at is said to
-- be as far as was looked: asking again by then shows more.
function rolling.freed_ms(b, tokens, requests)
  local sums = upcoming(b)
  local first, past = 1, #sums + 1
  while first < past do
    local at = math.floor((first + past) / 2)
    if tokens <= sums[at].tokens and requests <= sums[at].requests then
      past = at
    else
      first = at + 1
    end
  end
  local enough = sums[first] or sums[SEEN]
  return enough and enough.ms or nil
end

-- Writes all that changed.
function rolling.write(b)
  local fields, order = {}, {}
  for released_ms, slot in pairs(b.slots) do
    local instant = whole.text(released_ms)
    table.insert(fields, instant)
    table.insert(fields, records.pack_slot(slot))
    if slot.is_new then
      table.insert(order, instant)
      table.insert(order, instant)
    end
  end
  if #fields > 0 then
    redis.call('HSET', b.prefix .. 'ring', unpack(fields))
  end
  if #order > 0 then
    redis.call('ZADD', b.prefix .. 'releases', unpack(order))
  end
end
