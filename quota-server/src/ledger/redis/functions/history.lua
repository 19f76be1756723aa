-- Closed windows on their way into the history. A closed window's bucket goes into the hash `closed`, and its number
-- into the zset `due`, with the book's sequence as the stamp of what is to be fetched. It stays due until a server
-- says that it has stored what bears that stamp; usage that is reported late makes it due again.

-- How many windows before the open one late usage is still entered, as in leases.lua.
local LATE_WINDOWS = 10

-- So many closed windows wait until a server has stored them: a day of minutes. While no server can
-- store any (PostgreSQL is away) the oldest go.
local MOST_DUE = 1440

-- So many are forgotten at a turn, which adds fewer.
local MOST_FORGOTTEN = 64

local function make_due(b, bucket)
  local window = whole.text(bucket.window)
  book.write(b, 'HSET', b.prefix .. 'closed', window, records.pack_bucket(bucket))
  book.write(b, 'ZADD', b.prefix .. 'due', whole.text(b.seq), window)
end

-- Forgets windows that nobody reports to any more, unless they are due.
local function purge(b, first, last)
  for window = first, last do
    local field = whole.text(window)
    if not redis.call('ZSCORE', b.prefix .. 'due', field) then
      book.write(b, 'HDEL', b.prefix .. 'closed', field)
    end
  end
end

-- What is due is bounded: the stamps are in the order of its changes. A turn forgets some of what is too much.
local function forget_oldest(b)
  local excess = math.min(redis.call('ZCARD', b.prefix .. 'due') - MOST_DUE, MOST_FORGOTTEN)
  if excess > 0 then
    for _, window in ipairs(redis.call('ZRANGE', b.prefix .. 'due', 0, excess - 1)) do
      book.write(b, 'ZREM', b.prefix .. 'due', window)
      book.write(b, 'HDEL', b.prefix .. 'closed', window)
    end
  end
end

-- Closes what is over, and makes due again what was reported late.
function history.close(b)
  if b.number > b.number_before then
    local first = b.number_before - LATE_WINDOWS - 4
    purge(b, first, math.min(b.number - LATE_WINDOWS - 1, b.number_before))
    forget_oldest(b)
  end
  for _, bucket in ipairs(b.over) do
    make_due(b, bucket)
    book.remove_bucket(b, bucket.window)
  end
  for _, bucket in pairs(b.reported) do
    make_due(b, bucket)
  end
end

-- The bucket of a closed window; nil where it is forgotten.
local function closed_bucket(b, window)
  for _, bucket in ipairs(b.over) do
    if bucket.window == window then
      return bucket
    end
  end
  if not b.reported[window] then
    local blob = redis.call('HGET', b.prefix .. 'closed', whole.text(window))
    b.reported[window] = blob and records.bucket(blob) or nil
  end
  return b.reported[window]
end

-- Enters usage that was reported after its window was closed.
function history.use_late(b, window, m)
  local bucket = closed_bucket(b, window)
  if bucket then
    buckets.use(bucket, m)
  end
end

-- The page of a closed window.
function history.page(bucket)
  local tokens, requests = buckets.unaccounted(bucket)
  return reply.page(bucket, 0, 0, tokens, requests, 1)
end

-- The closed windows of late, as pages.
function history.pages(b)
  local pages, windows = {}, {}
  for window = b.number - LATE_WINDOWS, b.number - 1 do
    table.insert(windows, whole.text(window))
  end
  for _, blob in ipairs(redis.call('HMGET', b.prefix .. 'closed', unpack(windows))) do
    if blob then
      table.insert(pages, history.page(records.bucket(blob)))
    end
  end
  for _, bucket in ipairs(b.over) do
    table.insert(pages, history.page(bucket))
  end
  return pages
end

-- Closes what is over, and answers with pages that are due, each after its stamp.
function operations.harvest(keys, args)
  local b, no = book.open(keys, args)
  if not b then
    return no
  end
  book.commit_changes(b)
  local extra = {}
  local due = redis.call('ZRANGE', b.prefix .. 'due', 0, tonumber(args[book.FIRST_ARG]) - 1, 'WITHSCORES')
  for at = 1, #due, 2 do
    local blob = redis.call('HGET', b.prefix .. 'closed', due[at])
    if blob then
      table.insert(extra, tonumber(due[at + 1]))
      reply.append(extra, history.page(records.bucket(blob)))
    else
      -- Lost (an eviction): nobody can wait for it.
      redis.call('ZREM', b.prefix .. 'due', due[at])
    end
  end
  return reply.of(b, 'harvest', extra)
end

-- Takes off what is stored: pairs of a window and the stamp of what was stored of it.
function operations.acknowledge(keys, args)
  local b, no = book.open(keys, args)
  if not b then
    return no
  end
  for at = book.FIRST_ARG, #args, 2 do
    local window = args[at]
    if tonumber(redis.call('ZSCORE', b.prefix .. 'due', window) or -1) == tonumber(args[at + 1]) then
      book.write(b, 'ZREM', b.prefix .. 'due', window)
      if tonumber(window) < b.number - LATE_WINDOWS then
        book.write(b, 'HDEL', b.prefix .. 'closed', window)
      end
      b.is_changed = true
    end
  end
  book.commit_changes(b)
  return reply.of(b, 'noted')
end
