-- A deployment at a glance, as `Book::overview` in quota-core shows it. Many are asked for at once, so it costs
-- little: a book's hash, and the leases that may still be drawn from. It writes nothing.

-- How many leases are read at once, and how often in one window. Where there are more, all that may be open counts
-- as held.
local CHUNK, CHUNKS = 64, 16

-- Adds the leases from `first` to `last` that may still be drawn from; whether there was one that has not ended.
local function add(b, window, first, last, hands)
  local is_any = false
  for _, lease in ipairs(leases.read(b, window, first, last)) do
    if lease and lease.ends_ms > b.ms then
      is_any = true
      if lease.closed == 0 then
        local tokens, requests = leases.open_rest(lease)
        hands.leases = hands.leases + 1
        hands.tokens, hands.requests = hands.tokens + tokens, hands.requests + requests
      end
    end
  end
  return is_any
end

-- What holders have in their hands of a window, from the latest lease back to where all have ended.
local function in_hands(b, bucket)
  local hands = { leases = 0, tokens = 0, requests = 0 }
  local last = bucket.last_end_ms > b.ms and bucket.count - 1 or -1
  for _ = 1, CHUNKS do
    local first = math.max(bucket.first_open, last - CHUNK + 1)
    if last < first or not add(b, bucket.window, first, last, hands) then
      return hands
    end
    last = first - 1
  end
  hands.tokens, hands.requests = bucket.open_tokens, bucket.open_requests
  return hands
end

local function page(bucket, hands)
  local tokens, requests = buckets.unaccounted(bucket)
  local held_tokens, held_requests = math.min(hands.tokens, tokens), math.min(hands.requests, requests)
  return reply.page(bucket, held_tokens, held_requests, tokens - held_tokens, requests - held_requests, 0)
end

function operations.overview(keys, args)
  local b = book.look(keys, args)
  if not b then
    return { 'missing' }
  end
  local count, of_open = 0, { tokens = 0, requests = 0 }
  for window, bucket in pairs(b.buckets) do
    local hands = in_hands(b, bucket)
    count = count + hands.leases
    if window == b.number then
      of_open = hands
    end
  end
  local r = reply.of(b, 'overview', { reply.now(b) })
  reply.append(r, { reply.standing(b, b.number) })
  reply.append(r, { count, holders.asked_lately(b) })
  reply.append(r, periods.standings(b))
  return reply.append(r, page(b.buckets[b.number] or buckets.new(b, b.number), of_open))
end
