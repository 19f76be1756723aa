-- What is answered: an array that begins with a word and how the book stands, see book/reply.rs. Nothing in it may
-- be nil: Redis would end the array there.

-- A reply, `extra` after what every reply has.
function reply.of(b, word, extra)
  local policy = b.policy
  local r = {
    word, b.seq, policy.version, b.ms, b.number, vouch.quarantined_for_ms(b), b.is_new_quarantine and 1 or 0,
    policy.kind, policy.tokens, policy.requests,
  }
  return extra and reply.append(r, extra) or r
end

-- Appends an array to another.
function reply.append(r, values)
  local length = #r
  for at = 1, #values do
    r[length + at] = values[at]
  end
  return r
end

-- How a window stands.
function reply.standing(b, window)
  local tokens, requests, overrun_tokens, overrun_requests = quota.spent(b, window)
  return tokens, requests, overrun_tokens, overrun_requests, quota.state(b, window)
end

-- The ledger's time.
function reply.now(b)
  return b.ms, b.number, b.minute, b.opens_ms, b.ends_ms
end

-- A window's page.
function reply.page(bucket, held_tokens, held_requests, burnt_tokens, burnt_requests, over)
  return {
    bucket.window, bucket.minute, bucket.kind, bucket.tokens, bucket.requests, bucket.granted_tokens,
    bucket.granted_requests, bucket.returned_tokens, bucket.returned_requests, bucket.used_tokens,
    bucket.used_requests, held_tokens, held_requests, burnt_tokens, burnt_requests, bucket.overrun_tokens,
    bucket.overrun_requests, bucket.denied_tokens, bucket.denied_requests, over,
    is_awaited = burnt_tokens > 0 or burnt_requests > 0,
  }
end
