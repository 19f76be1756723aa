-- One deployment's book during one call: loaded, brought up to now, and written back in one go. A script is not
-- rolled back, so everything is computed first and written by `book.commit`.

-- The windows that a book keeps lie in a ring of this many fields.
local RING = 4

-- The first argument of an operation's own.
book.FIRST_ARG = 9

-- What every call carries, see book/call.rs.
local function header(keys, args)
  return {
    key = keys[1],
    prefix = string.sub(keys[1], 1, -5), -- without "book"
    seen_seq = tonumber(args[1]),
    seen_window = tonumber(args[2]),
    not_before_ms = tonumber(args[3]),
    not_after_ms = tonumber(args[4]),
    keeps = string.sub(args[5], 1, 1) == '1',
    vouched = string.sub(args[5], 2),
    version = tonumber(args[6]),
    instance = args[7],
    term = tonumber(args[8]),
  }
end

local function bucket_field(window)
  return 'b' .. math.fmod(window, RING)
end

-- How many windows are kept, the open one counted: the last one for returns under way and repeated requests; with
-- rolling one more, since charges live longer than a minute.
function book.kept_windows(b)
  return b.policy.kind == ROLLING and 3 or 2
end

-- Sorts the windows into those that are kept and those that are over.
local function sort_windows(b, blobs)
  local oldest = b.number + 1 - book.kept_windows(b)
  for _, blob in ipairs(blobs) do
    local bucket = records.bucket(blob)
    if bucket.window >= oldest then
      b.buckets[bucket.window] = bucket
    else
      table.insert(b.over, bucket)
    end
  end
  b.is_empty = next(b.buckets) == nil
  if b.is_empty then
    holders.forget(b)
  end
  if #b.over > 1 then
    table.sort(b.over, function(one, other) return one.window < other.window end)
  end
end

local function present(fields, from)
  local blobs = {}
  for at = from, from + RING - 1 do
    if fields[at] then
      table.insert(blobs, fields[at])
    end
  end
  return blobs
end

local function blank(call)
  return {
    key = call.key, prefix = call.prefix, keeps = call.keeps, buckets = {}, over = {}, touched = {}, writes = {}, pages = {}, slots = {},
    read_slots = {}, stored = false, upcoming = false,
    released = {}, asking = {}, reported = {}, shown = {}, places = {}, asked = {}, askers = {}, last_asked = {},
    forgotten_ms = 0, periods = false, closing = {},
  }
end

-- Numbers are given twice where a catalogue comes back from a backup: the book of another deployment is none of this
-- one's. What takes its place is numbered above all of it, so that no lease of one is ever taken for the other's.
function book.replace(b, call)
  call.is_replaced = true
  call.seen_seq = math.max(call.seen_seq, b.seq)
  call.seen_window = math.max(call.seen_window, b.number + 2)
end

-- The book as it is now, or nil where there is none.
function book.look(keys, args)
  local call = header(keys, args)
  local fields = redis.call('HMGET', call.key, 'policy', 'state', 'process', 'instance', 'term', 'b0', 'b1', 'b2', 'b3',
    'limits', 'periods')
  if not fields[2] then
    return nil, call
  end
  local b = blank(call)
  b.policy, b.process, b.instance = records.policy(fields[10] or fields[1]), fields[3], fields[4]
  -- One that an older build wrote is of the first.
  b.term = tonumber(fields[5] or 0)
  records.state(b, fields[2])
  if b.instance and b.instance ~= call.instance then
    book.replace(b, call)
    return nil, call
  end
  b.number_before, b.seq_before = b.number, b.seq
  time.pass(b, call)
  sort_windows(b, present(fields, 6))
  periods.take(b, fields[11])
  rolling.release(b)
  return b, call
end

-- The book, for a call that changes it: vouched for, and as new as the caller's catalogue. Otherwise nil, and
-- the reply.
function book.open(keys, args)
  local b, call = book.look(keys, args)
  if not b then
    return nil, { 'missing' }
  end
  -- Whose a book of an older build is, `configure` decides, and it tells the longer limits.
  if b.policy.version < call.version or b.policy.told < call.version or not b.instance then
    return nil, reply.of(b, 'outdated')
  end
  local moving = book.prepare(b, call)
  if moving then
    return nil, moving
  end
  return b, call
end

-- What comes before every change; or the answer, if there can be none.
function book.prepare(b, call)
  local moving = book.moving(b)
  if moving then
    return moving
  end
  vouch.check(b, call)
  holders.clean(b)
end

local is_cluster

-- The answer where a cluster is moving this slot just now: some of the book's keys are here and some there, so a call would
-- find what it looks for missing, or fail after its first write. A key that is never there shows it: of two keys of a
-- slot that moves the one that is missing is asked for elsewhere. Whoever is told so comes again.
function book.moving(b)
  if is_cluster == nil then
    is_cluster = string.find(redis.call('INFO', 'cluster'), 'cluster_enabled:1', 1, true) ~= nil
  end
  if is_cluster then
    local seen = redis.pcall('EXISTS', b.key, b.prefix .. 'none')
    if type(seen) == 'table' and seen.err then
      return redis.error_reply('TRYAGAIN the slot of this book is being moved')
    end
  end
end

-- A book that nothing was entered in yet.
function book.new(call, policy)
  local b = blank(call)
  b.policy, b.instance = policy, call.instance
  for _, field in ipairs { 'quarantined_window', 'quarantined_ms', 'holders', 'recount_ms', 'rolling_tokens',
    'rolling_requests', 'overrun_tokens', 'overrun_requests', 'next_release_ms' } do
    b[field] = 0
  end
  time.begin(b, call)
  b.process, b.term, b.is_new_term = vouch.process(b.ms), call.term, true
  b.seq, b.number_before = call.seen_seq, b.number
  if call.is_replaced then
    book.write(b, 'DEL', b.key, b.prefix .. 'closed', b.prefix .. 'due')
  end
  -- What is left of a book that is lost would be counted twice.
  book.write(b, 'DEL', b.prefix .. 'holders', b.prefix .. 'ring', b.prefix .. 'releases')
  return b
end

-- The bucket of the open window or the next one, made if need be.
function book.bucket(b, window)
  local bucket = b.buckets[window]
  if not bucket then
    bucket = buckets.new(b, window)
    b.buckets[window] = bucket
  end
  b.touched[window] = true
  return bucket
end

function book.write(b, ...)
  table.insert(b.writes, { ... })
end

-- Something changed that returns, grants or limits depend on: a lost one must be noticed.
function book.count(b, changes)
  b.seq = b.seq + (changes or 1)
end

local function fields_of(b)
  local fields = { 'state', records.pack_state(b), 'process', b.process }
  if b.keeps then
    fields[5], fields[6] = 'kept', vouch.mark(b)
  end
  if b.is_new_term then
    reply.append(fields, { 'term', whole.text(b.term) })
  end
  for window in pairs(b.touched) do
    table.insert(fields, bucket_field(window))
    table.insert(fields, records.pack_bucket(b.buckets[window]))
  end
  periods.write(b, fields)
  return fields
end

-- Writes all that was computed. Whatever stops it half-way, no lease can be found that is not charged: the records of new
-- leases are out of reach until the book counts them, and requests find them only then.
function book.commit(b)
  history.close(b)
  for _, command in ipairs(b.writes) do
    redis.call(unpack(command))
  end
  holders.write(b)
  leases.write(b)
  redis.call('HSET', b.key, unpack(fields_of(b)))
  leases.write_requests(b)
  rolling.write(b)
end

-- Writes, if there is something that must not be forgotten: where a new window ends is one such thing.
function book.commit_changes(b)
  if b.is_changed or b.seq ~= b.seq_before or b.number ~= b.number_before then
    book.commit(b)
  end
end

-- Whether nothing is going on: no window kept, no charge held.
function book.is_at_rest(b)
  return b.is_empty and b.next_release_ms == 0
end

-- Takes a closed window's bucket out of the ring, unless a newer one has its place already.
function book.remove_bucket(b, window)
  local field = bucket_field(window)
  for kept in pairs(b.buckets) do
    if bucket_field(kept) == field then
      return
    end
  end
  book.write(b, 'HDEL', b.key, field)
end
