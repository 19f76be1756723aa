-- The leases of a window: a hash with a field for each lease, by its number; one for each request that got a
-- lease ("r", holder, request); and the name of each holder ("h", holder).

-- How many windows a lease's usage is waited for: ten, longer than providers let a request run.
local LATE_WINDOWS = 10
-- How long after its window's end the leases of a window are kept.
local KEPT_MS = (LATE_WINDOWS + 5) * MINUTE_MS

function leases.key(b, window)
  return b.prefix .. 'w:' .. whole.text(window)
end

-- Held by its holder or used: all that was not given back.
function leases.kept(lease)
  return lease.tokens - lease.returned_tokens, lease.requests - lease.returned_requests
end

-- What may still be drawn, as long as the lease has not ended.
function leases.open_rest(lease)
  if lease.closed == 1 then
    return 0, 0
  end
  local tokens, requests = leases.kept(lease)
  return tokens - lease.used_tokens, requests - lease.used_requests
end

-- The leases from one number to another, `false` where one is gone.
function leases.read(b, window, first, last)
  if last < first then
    return {}
  end
  local numbers = {}
  for number = first, last do
    table.insert(numbers, number)
  end
  local found = redis.call('HMGET', leases.key(b, window), unpack(numbers))
  for at, blob in ipairs(found) do
    found[at] = blob and records.lease(blob)
  end
  return found
end

local function read_one(b, window, number)
  local blob = redis.call('HGET', leases.key(b, window), number)
  return blob and records.lease(blob) or nil
end

-- A lease that is known, and its bucket; for one of a closed window, whose usage is still awaited, no bucket.
function leases.find(b, window, number)
  local bucket = b.buckets[window]
  if bucket then
    return read_one(b, window, number), bucket
  end
  local oldest = b.number - LATE_WINDOWS
  if window < oldest or window > b.number then
    return nil
  end
  local lease = read_one(b, window, number)
  return lease and leases.is_awaited(lease) and lease or nil
end

-- Whether something of a lease was not accounted for when its window closed.
function leases.is_awaited(lease)
  local tokens, requests = leases.kept(lease)
  return lease.late == 1 or tokens ~= lease.used_tokens or requests ~= lease.used_requests
end

-- The lease that a request was given, in the windows that are kept: window, number, lease.
function leases.of_request(b, ask)
  local oldest = b.number + 1 - book.kept_windows(b)
  for window = b.number + 1, oldest, -1 do
    local bucket = b.buckets[window]
    local found = bucket and bucket.count > 0
      and redis.call('HGET', leases.key(b, window), 'r' .. ask.holder .. ask.request)
    if found then
      local number = tonumber(found)
      return window, number, read_one(b, window, number)
    end
  end
end

-- Writes a new lease down.
function leases.add(b, bucket, number, lease, ask)
  local key = leases.key(b, bucket.window)
  book.write(b, 'HSET', key, number, records.pack_lease(lease), 'r' .. ask.holder .. ask.request, number,
    'h' .. ask.holder, ask.name)
  if number == 0 then
    -- The window after the open one lasts up to two minutes.
    local ends_in_ms = time.window_ends_in_ms(b) + 2 * MINUTE_MS
    book.write(b, 'PEXPIRE', key, whole.text(ends_in_ms + KEPT_MS))
  end
end

-- Writes down what a lease came to.
function leases.save(b, at)
  book.write(b, 'HSET', leases.key(b, at.window), at.number, records.pack_lease(at.lease))
end
