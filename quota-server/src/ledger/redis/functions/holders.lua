-- Who asked lately: a zset of holders by the time of their last question, whose members the book's state counts.
-- Only sizes and hints depend on it, so it is written at once.

-- A holder counts as active for so long after it asked.
local ACTIVE_MS = 10000
-- Recounted now and then, not at each grant.
local RECOUNT_MS = 250

-- Forgets all of them: who asked lately matters no more once no window is kept.
function holders.forget(b)
  b.has_old_holders = b.has_old_holders or b.holders > 0
  b.holders, b.recount_ms, b.asking = 0, 0, {}
end

-- Removes what is forgotten.
function holders.clean(b)
  if b.has_old_holders then
    redis.call('DEL', b.prefix .. 'holders')
    b.has_old_holders = false
  end
end

-- Before each operation of a call.
function holders.rest(b)
  if next(b.buckets) == nil then
    holders.forget(b)
    holders.clean(b)
  end
end

-- Notes that a holder asks.
function holders.seen(b, holder)
  if not b.asking[holder] then
    b.asking[holder] = true
    b.holders = b.holders + redis.call('ZADD', b.prefix .. 'holders', whole.text(b.ms), holder)
  end
end

-- How many asked lately. Writes nothing.
function holders.asked_lately(b)
  if b.is_empty then
    return 0
  end
  return redis.call('ZCOUNT', b.prefix .. 'holders', '(' .. whole.text(b.ms - ACTIVE_MS), '+inf')
end

-- How many are active, those counted that stopped asking in the last quarter second.
function holders.active(b)
  if b.ms >= b.recount_ms then
    local key = b.prefix .. 'holders'
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole.text(b.ms - ACTIVE_MS))
    b.holders = redis.call('ZCARD', key)
    b.recount_ms = b.ms + RECOUNT_MS
  end
  return b.holders
end
