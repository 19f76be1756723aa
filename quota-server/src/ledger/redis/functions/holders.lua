-- Who asked lately: a zset of holders by the time of their last question, whose members the book's state counts.
-- Read and written once in a call, however many holders ask in it.


-- Forgets all of them: who asked lately matters no more once no window is kept.
function holders.forget(b)
  b.has_old_holders = b.has_old_holders or b.holders > 0
  b.holders, b.recount_ms, b.asking, b.askers = 0, 0, {}, {}
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

-- Reads when these holders asked last.
function holders.fetch(b, askers)
  local found = redis.call('ZMSCORE', b.prefix .. 'holders', unpack(askers))
  for at, holder in ipairs(askers) do
    b.last_asked[holder] = found[at] and tonumber(found[at]) or nil
  end
end

-- Notes that a holder asks. One that was forgotten at a recount is new again.
function holders.seen(b, holder)
  if b.asking[holder] then
    return
  end
  b.asking[holder] = true
  table.insert(b.askers, holder)
  local last_ms = b.last_asked[holder]
  if not last_ms or last_ms <= b.forgotten_ms then
    b.holders = b.holders + 1
  end
end

-- Writes who asked.
function holders.write(b)
  local now, scored = whole.text(b.ms), {}
  for at, holder in ipairs(b.askers) do
    scored[2 * at - 1], scored[2 * at] = now, holder
  end
  if #scored > 0 then
    redis.call('ZADD', b.prefix .. 'holders', unpack(scored))
  end
  b.askers = {}
end

-- How many asked lately. Writes nothing.
function holders.asked_lately(b)
  if b.is_empty then
    return 0
  end
  return redis.call('ZCOUNT', b.prefix .. 'holders', '(' .. whole.text(b.ms - ACTIVE_MS), '+inf')
end

-- How many are active, those counted that stopped asking in the last beat. Recounted now and then, not at each grant.
function holders.active(b)
  if b.ms >= b.recount_ms then
    local key = b.prefix .. 'holders'
    holders.write(b)
    b.forgotten_ms = b.ms - ACTIVE_MS
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole.text(b.forgotten_ms))
    b.holders = redis.call('ZCARD', key)
    b.recount_ms = b.ms + BEAT_MS
  end
  return b.holders
end
