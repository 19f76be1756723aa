-- One window's sums. Its leases are in a key of their own, `w:<window>`, each by its number.

function buckets.new(b, window)
  return {
    window = window, minute = b.minute + window - b.number, kind = b.policy.kind,
    tokens = b.policy.tokens, requests = b.policy.requests,
    granted_tokens = 0, granted_requests = 0, returned_tokens = 0, returned_requests = 0,
    used_tokens = 0, used_requests = 0, overrun_tokens = 0, overrun_requests = 0,
    denied_tokens = 0, denied_requests = 0, short_tokens = 0, short_requests = 0,
    open_tokens = 0, open_requests = 0, count = 0, first_open = 0, last_end_ms = 0,
  }
end

function buckets.outstanding(bucket)
  return bucket.granted_tokens - bucket.returned_tokens, bucket.granted_requests - bucket.returned_requests
end

-- What nobody has accounted for yet: open rests, running permits, and what is lost.
function buckets.unaccounted(bucket)
  local tokens, requests = buckets.outstanding(bucket)
  return tokens - bucket.used_tokens, requests - bucket.used_requests
end

function buckets.note_denied(bucket, tokens, requests)
  bucket.denied_tokens = whole.sum(bucket.denied_tokens, tokens)
  bucket.denied_requests = whole.sum(bucket.denied_requests, requests)
end

-- Notes what somebody is short of.
function buckets.note_short(bucket, tokens, requests)
  bucket.short_tokens = math.max(bucket.short_tokens, tokens)
  bucket.short_requests = math.max(bucket.short_requests, requests)
end

-- Enters grants. The sums must have room for it.
function buckets.grant(bucket, tokens, requests, count, ends_ms)
  bucket.granted_tokens = bucket.granted_tokens + tokens
  bucket.granted_requests = bucket.granted_requests + requests
  bucket.open_tokens = bucket.open_tokens + tokens
  bucket.open_requests = bucket.open_requests + requests
  bucket.count = bucket.count + count
  bucket.last_end_ms = math.max(bucket.last_end_ms, ends_ms)
end

-- Enters what a lease came to. `rest_tokens` and `rest_requests` are its open rests before.
function buckets.change(bucket, number, rest_tokens, rest_requests, lease)
  if number >= bucket.first_open then
    local tokens, requests = leases.open_rest(lease)
    bucket.open_tokens = whole.less(bucket.open_tokens, rest_tokens) + tokens
    bucket.open_requests = whole.less(bucket.open_requests, rest_requests) + requests
  end
end

-- How many leases are read at once, and how often in one call. What is left is counted as open until a later
-- call, which only makes hints too hopeful.
local CHUNK, CHUNKS = 500, 4

-- Ends the leases whose time is over, in the order of their grants, as `Bucket::end` in quota-core.
function buckets.finish(b, bucket)
  if bucket.is_finished then
    return
  end
  bucket.is_finished = true
  if bucket.last_end_ms <= b.ms then
    bucket.first_open, bucket.open_tokens, bucket.open_requests = bucket.count, 0, 0
    return
  end
  for _ = 1, CHUNKS do
    if not buckets.finish_chunk(b, bucket) then
      return
    end
  end
end

-- Whether there may be more.
function buckets.finish_chunk(b, bucket)
  local last = math.min(bucket.first_open + CHUNK, bucket.count) - 1
  for _, lease in ipairs(leases.read(b, bucket.window, bucket.first_open, last)) do
    if lease and lease.ends_ms > b.ms then
      return false
    end
    local tokens, requests = 0, 0
    if lease then
      tokens, requests = leases.open_rest(lease)
    end
    bucket.open_tokens = whole.less(bucket.open_tokens, tokens)
    bucket.open_requests = whole.less(bucket.open_requests, requests)
    bucket.first_open = bucket.first_open + 1
  end
  return bucket.first_open < bucket.count
end
