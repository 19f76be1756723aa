-- The leases of a window: hashes of BLOCK leases, each lease by its number. Which request got which lease, and the name
-- of each holder ("h", holder), are in a hash of their own. A window may have millions of leases: those that were granted
-- lately lie together, in a hash that is small and at hand.
local BLOCK = 4096

-- How many windows a lease's usage is waited for: ten, longer than providers let a request run.
local LATE_WINDOWS = 10
-- How long after its window's end the leases of a window are kept.
local KEPT_MS = (LATE_WINDOWS + 5) * MINUTE_MS

local function block_of(number)
  return whole.quotient(number, BLOCK)
end

local function block_key(b, window, block)
  return b.prefix .. 'w:' .. whole.text(window) .. ':' .. whole.text(block)
end

local function requests_key(b, window)
  return b.prefix .. 'q:' .. whole.text(window)
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
    page = { leases = {}, changed = {}, requests = {}, names = {}, blocks = {}, fields = {}, length = 0 }
    b.pages[window] = page
  end
  return page
end

local function fetch_block(b, window, block, numbers)
  local known = leases.page(b, window).leases
  local found = redis.call('HMGET', block_key(b, window, block), unpack(numbers))
  for at, number in ipairs(numbers) do
    if known[number] == nil then
      known[number] = found[at] and records.lease(found[at])
    end
  end
end

-- Reads leases that are about to be asked for, those of a block at once.
function leases.fetch(b, window, numbers)
  local blocks = {}
  for _, number in ipairs(numbers) do
    local block = block_of(number)
    blocks[block] = blocks[block] or {}
    table.insert(blocks[block], number)
  end
  for block, of in pairs(blocks) do
    fetch_block(b, window, block, of)
  end
end

-- Reads which requests have a lease in a window, and which holders' names are known there: the requests are the first so
-- many of the fields. A lease that the book does not count is none.
function leases.fetch_requests(b, window, fields, requests)
  local page, count = leases.page(b, window), b.buckets[window].count
  for at, value in ipairs(redis.call('HMGET', requests_key(b, window), unpack(fields))) do
    local field = fields[at]
    if value and at > requests then
      page.names[field] = value
    elseif value and tonumber(value) < count then
      page.requests[field], b.asked[field] = tonumber(value), true
    end
  end
end

-- What is to be written of a block: numbers and records in turn. New leases stand first, in order.
local function block(page, number)
  local no = block_of(number)
  local found = page.blocks[no]
  if not found then
    found = { first = number, new = 0, fields = {} }
    page.blocks[no] = found
  end
  return found
end

-- Where the record of a lease of this call is in its block's fields. Nil: it is none.
local function new_record(page, number)
  local of = page.blocks[block_of(number)]
  local at = of and 2 * (number - of.first) + 2 or 0
  if at > 1 and at <= of.new then
    return of.fields, at
  end
end

-- A lease, of before or of this call: one that was looked for before it was granted is known as `false`.
local function lease(b, window, number)
  local page = leases.page(b, window)
  local fields, at = new_record(page, number)
  if fields and not page.leases[number] then
    page.leases[number] = records.lease(fields[at])
  elseif page.leases[number] == nil then
    leases.fetch(b, window, { number })
  end
  return page.leases[number] or nil
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
    found[at] = lease(b, window, number) or false
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
  local bucket = b.buckets[window]
  if bucket and number >= bucket.count then
    return nil
  end
  local found = lease(b, window, number)
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

-- The number of a request's lease, of before or of this call. Few requests are repeated in one call: a search will do.
local function number_of(page, request)
  if page.requests[request] then
    return page.requests[request]
  end
  for at = 1, page.length, 2 do
    if page.fields[at] == request then
      return tonumber(page.fields[at + 1])
    end
  end
end

-- The lease that a request was given, in the windows that are kept: window, number, lease. Its requests must have
-- been fetched.
function leases.of_request(b, request)
  if not b.asked[request] then
    return nil
  end
  for window = b.number + 1, b.number + 1 - book.kept_windows(b), -1 do
    local page = b.pages[window]
    local number = page and number_of(page, request)
    if number then
      return window, number, lease(b, window, number)
    end
  end
end

-- Enters a new lease: its record, and its request. Its number is one above that of the last.
function leases.add(page, number, request, record)
  local of = page.last
  if not of or number >= page.last_ends then
    of = block(page, number)
    page.first, page.last, page.last_ends = page.first or number, of, (block_of(number) + 1) * BLOCK
  end
  local text, length, fields = tostring(number), of.new, of.fields
  fields[length + 1], fields[length + 2] = text, record
  of.new = length + 2
  length, fields = page.length, page.fields
  fields[length + 1], fields[length + 2] = request, text
  page.length = length + 2
end

-- Enters a holder's name, once.
function leases.name(page, asker)
  if page.names[asker.name_field] then
    return
  end
  page.names[asker.name_field] = asker.name
  local length, fields = page.length, page.fields
  fields[length + 1], fields[length + 2] = asker.name_field, asker.name
  page.length = length + 2
end

-- What a lease came to is to be written.
function leases.save(b, at)
  leases.page(b, at.window).changed[at.number] = true
end

-- What changed of leases that were there before comes after those that are new.
local function add_changed(page)
  for number in pairs(page.changed) do
    local record = records.pack_lease(page.leases[number])
    local fields, at = new_record(page, number)
    if fields then
      fields[at] = record
    else
      reply.append(block(page, number).fields, { number, record })
    end
  end
end

-- A field that every hash of a window has, whatever else is in it.
local HERE = 't'

-- Writes a hash of a window, which goes some time after the window. The window after the open one lasts up to two
-- minutes. Where more fields are new than could be the hash itself is: Redis had none, or has evicted it.
local function write(b, key, fields, new)
  local length = #fields
  fields[length + 1], fields[length + 2] = HERE, ''
  if redis.call('HSET', key, unpack(fields)) > new then
    local ends_in_ms = time.window_ends_in_ms(b) + 2 * MINUTE_MS
    redis.call('PEXPIRE', key, whole.text(ends_in_ms + KEPT_MS))
  end
end

-- Writes the records of leases that are new or changed.
function leases.write(b)
  for window, page in pairs(b.pages) do
    add_changed(page)
    for no, of in pairs(page.blocks) do
      write(b, block_key(b, window, no), of.fields, of.new / 2)
    end
  end
end

-- Writes which request was given which lease, and who asked.
function leases.write_requests(b)
  for window, page in pairs(b.pages) do
    if page.length > 0 then
      write(b, requests_key(b, window), page.fields, page.length / 2)
    end
  end
end

-- The name of a lease's holder.
function leases.holder_name(b, window, lease)
  return redis.call('HGET', requests_key(b, window), 'h' .. lease.holder) or ''
end
