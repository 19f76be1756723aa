-- What a book shows of itself. These write nothing.

-- How the deployment stands in the open window.
function operations.standing(keys, args)
  local b = book.look(keys, args)
  if not b then
    return { 'missing' }
  end
  local r = reply.of(b, 'standing', { reply.now(b) })
  return reply.append(r, { reply.standing(b, b.number) })
end

local function live_page(b, bucket)
  buckets.finish(b, bucket)
  local tokens, requests = buckets.unaccounted(bucket)
  local open_tokens, open_requests = bucket.open_tokens, bucket.open_requests
  local burnt_tokens, burnt_requests = whole.less(tokens, open_tokens), whole.less(requests, open_requests)
  local over = bucket.window < b.number and 1 or 0
  return reply.page(bucket, open_tokens, open_requests, burnt_tokens, burnt_requests, over)
end

-- The kept windows, oldest first.
local function sorted(b)
  local all = {}
  for _, bucket in pairs(b.buckets) do
    table.insert(all, bucket)
  end
  table.sort(all, function(one, other) return one.window < other.window end)
  return all
end

-- The pages of the windows that are still here, oldest first.
function operations.pages(keys, args)
  local b = book.look(keys, args)
  if not b then
    return { 'missing' }
  end
  local pages = history.pages(b)
  for _, bucket in ipairs(sorted(b)) do
    table.insert(pages, live_page(b, bucket))
  end
  local r = reply.of(b, 'pages', { reply.now(b) })
  for _, page in ipairs(pages) do
    reply.append(r, page)
  end
  return r
end

-- How many leases one call looks at.
local MOST = 1000

-- Appends those of `found` that may still be drawn from.
local function append_held(b, window, first, found, r)
  for at, lease in ipairs(found) do
    if lease and lease.ends_ms > b.ms and lease.closed == 0 then
      local name = leases.holder_name(b, window, lease)
      reply.append(r, {
        window, first + at - 1, lease.tokens, lease.requests, lease.returned_tokens, lease.returned_requests,
        lease.used_tokens, lease.used_requests, whole.less(lease.starts_ms, b.ms), lease.ends_ms - b.ms, name,
      })
    end
  end
end

-- Who holds what, from a window and number on, and where to go on from; a window of 0 where that was all.
function operations.leases(keys, args)
  local b = book.look(keys, args)
  if not b then
    return { 'missing' }
  end
  local from_window, from_number = tonumber(args[book.FIRST_ARG]), tonumber(args[book.FIRST_ARG + 1])
  for _, bucket in ipairs(sorted(b)) do
    if bucket.window >= from_window and bucket.last_end_ms > b.ms then
      local first = math.max(bucket.first_open, bucket.window == from_window and from_number or 0)
      local last = math.min(first + MOST, bucket.count) - 1
      if first <= last then
        local r = reply.of(b, 'leases', { bucket.window, last + 1 })
        append_held(b, bucket.window, first, leases.read(b, bucket.window, first, last), r)
        return r
      end
    end
  end
  return reply.of(b, 'leases', { 0, 0 })
end

-- Whether Redis takes writes, and has this library: where it does not it refuses the call before it
-- begins.
function operations.probe()
  return redis.status_reply('OK')
end
