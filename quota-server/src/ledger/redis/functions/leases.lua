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

-- A call reads each field once, and writes each once, at its end: what is under way is in these tables by window.
function leases.page(b, window)
  local page = b.pages[window]
  if not page then
    page = { leases = {}, changed = {}, asked = {}, fields = {} }
    b.pages[window] = page
  end
  return page
end

-- Reads leases that are about to be asked for, all of a window at once.
function leases.fetch(b, window, numbers)
  local page = leases.page(b, window)
  local found = redis.call('HMGET', leases.key(b, window), unpack(numbers))
  for at, number in ipairs(numbers) do
    if page.leases[number] == nil then
      page.leases[number] = found[at] and records.lease(found[at])
    end
  end
end

-- Reads which of these requests have a lease in a window.
function leases.fetch_requests(b, window, requests)
  local asked = leases.page(b, window).asked
  local found = redis.call('HMGET', leases.key(b, window), unpack(requests))
  for at, request in ipairs(requests) do
    asked[request] = found[at] and tonumber(found[at])
  end
end

local function lease(b, window, number)
  local known = leases.page(b, window).leases[number]
  if known == nil then
    leases.fetch(b, window, { number })
    known = leases.page(b, window).leases[number]
  end
  return known or nil
end

-- The leases from one number to another, `false` where one is gone.
function leases.read(b, window, first, last)
  local numbers, found = {}, {}
  for number = first, last do
    table.insert(numbers, number)
  end
  if #numbers > 0 then
    leases.fetch(b, window, numbers)
  end
  for at, number in ipairs(numbers) do
    found[at] = leases.page(b, window).leases[number]
  end
  return found
end

-- Whether a window's leases can be asked for: it is kept, or usage of it is awaited.
function leases.is_known(b, window)
  return b.buckets[window] ~= nil or window >= b.number - LATE_WINDOWS and window <= b.number
end

-- A lease that is known, and its bucket; for one of a closed window, whose usage is still awaited, no bucket.
function leases.find(b, window, number)
  if not leases.is_known(b, window) then
    return nil
  end
  local found, bucket = lease(b, window, number), b.buckets[window]
  if found and not bucket and not leases.is_awaited(found) then
    return nil
  end
  return found, bucket
end

-- Whether something of a lease was not accounted for when its window closed.
function leases.is_awaited(of)
  local tokens, requests = leases.kept(of)
  return of.late == 1 or tokens ~= of.used_tokens or requests ~= of.used_requests
end

-- The field of a request.
function leases.request_field(holder, request)
  return 'r' .. holder .. request
end

-- The lease that a request was given, in the windows that are kept: window, number, lease. Its requests must have
-- been fetched.
function leases.of_request(b, field)
  for window = b.number + 1, b.number + 1 - book.kept_windows(b), -1 do
    local page = b.pages[window]
    local number = page and page.asked[field]
    if number then
      return window, number, lease(b, window, number)
    end
  end
end

-- Enters a new lease.
function leases.add(b, bucket, number, new, ask)
  local page = leases.page(b, bucket.window)
  page.leases[number] = new
  page.changed[number] = true
  page.asked[ask.field] = number
  page.fields[ask.field] = number
  page.fields['h' .. ask.holder] = ask.name
  page.is_new = page.is_new or number == 0
end

-- What a lease came to is to be written.
function leases.save(b, at)
  leases.page(b, at.window).changed[at.number] = true
end

local function write(b, window, page)
  local fields, n = {}, 0
  for number in pairs(page.changed) do
    fields[n + 1], fields[n + 2] = number, records.pack_lease(page.leases[number])
    n = n + 2
  end
  for field, value in pairs(page.fields) do
    fields[n + 1], fields[n + 2] = field, value
    n = n + 2
  end
  if #fields > 0 then
    redis.call('HSET', leases.key(b, window), unpack(fields))
  end
end

-- Writes all that changed.
function leases.write(b)
  for window, page in pairs(b.pages) do
    write(b, window, page)
    if page.is_new then
      -- The window after the open one lasts up to two minutes.
      local ends_in_ms = time.window_ends_in_ms(b) + 2 * MINUTE_MS
      redis.call('PEXPIRE', leases.key(b, window), whole.text(ends_in_ms + KEPT_MS))
    end
  end
end
