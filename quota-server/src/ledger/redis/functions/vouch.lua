-- Whether the book holds all that was granted (R7). A Redis that restarted or was promoted may have lost writes:
-- then what was granted of the open window is not known, and nothing more is granted of it.

-- What clocks of two Redis processes may differ by, and a call may be under way.
local DOUBT_MS = 1000
-- The sequence jumps by so much where writes were lost, above all that any server saw of the lost ones, so
-- that one loss is one quarantine.
local LOST_WRITES = 1000000000

-- How old what a library knows of its process may be, ms of the ledger's time.
local LOOK_MS = 250

local run_id, process, looked_ms

local function look(ms)
  run_id = run_id or string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  process, looked_ms = run_id, ms
  local replication = redis.call('INFO', 'replication')
  if string.find(string.match(replication, 'master_replid2:(%x+)'), '[^0]') then
    process = run_id .. ':' .. string.match(replication, 'master_replid:(%x+)')
  end
end

-- Which process this is, and since when it takes writes: a master that became a replica and a master again keeps its run
-- id, and what its libraries know, but not its replication id. Only one that was promoted has a second one, until an hour
-- after its last replica went. It is asked for again and again, so that libraries of two builds name a process alike,
-- whenever they were loaded.
function vouch.process(ms)
  if not process or ms < looked_ms or looked_ms + LOOK_MS <= ms then
    look(ms)
  end
  return process
end

-- Whether a name is this process's: the one it has, or one of before its promotion was forgotten.
local function is_own(name, ms)
  local own = vouch.process(ms)
  return name == own or own == run_id and string.sub(name, 1, #run_id + 1) == run_id .. ':'
end

-- How long before a window's end its successor can be granted from.
local function reach_ms(b)
  return math.max(AHEAD_MS, b.policy.guard_ms + SHORTEST_LIFE_MS) + DOUBT_MS
end

function vouch.quarantine(b, call)
  local next_too = time.window_ends_in_ms(b) <= reach_ms(b)
  local last = b.number + (next_too and 1 or 0)
  b.quarantined_window = math.max(b.quarantined_window, last)
  local released_ms = b.ms + b.policy.life_ms + MINUTE_MS
  b.quarantined_ms = math.max(b.quarantined_ms, released_ms)
  b.seq = math.max(b.seq, call.seen_seq) + LOST_WRITES
  b.is_new_quarantine = true
  -- Since the book was written last.
  periods.doubt(b, b.number + 2 - b.number_before)
end

-- Whether all that the last writer of a book was answered outlived its process. Two say so: the mark that the last writer
-- left (its server saw a Redis that keeps everything), and the caller, who was connected to that very process, saw
-- the same, and sees it now. Nobody can say so of a Redis that it did not know before.
local function is_kept(b, call)
  return call.vouched == b.process and redis.call('HGET', b.key, 'kept') == vouch.mark(b)
end

-- The mark of a writer whose server sees a Redis that keeps everything. It holds for the changes up to its own: whoever
-- writes without one, as older builds do, leaves it behind.
function vouch.mark(b)
  return struct.pack('>I8', b.seq)
end

-- Compares the book with what the caller knows of it, with the process that it was written in, and with how often another
-- Redis took the place of the one in use (in_use/).
function vouch.check(b, call)
  local all_there = b.seq >= call.seen_seq and not b.is_torn
  -- Another Redis was in use since: what was granted there is not here, though nothing of this one's is lost.
  local is_of_term = call.term <= b.term
  if all_there and is_of_term and is_own(b.process, b.ms) then
    return
  end
  if not (all_there and is_of_term and is_kept(b, call)) then
    vouch.quarantine(b, call)
  end
  b.term, b.is_new_term = math.max(b.term, call.term), not is_of_term
  b.process = vouch.process(b.ms)
  b.is_changed = true
end

function vouch.is_quarantined(b, window)
  if b.policy.kind == ROLLING then
    return b.ms < b.quarantined_ms
  end
  return window <= b.quarantined_window
end

-- How long nothing will be granted from now on; 0 if something may be.
function vouch.quarantined_for_ms(b)
  if b.policy.kind == ROLLING then
    return whole.less(b.quarantined_ms, b.ms)
  end
  if b.quarantined_window < b.number then
    return 0
  end
  return time.window_ends_in_ms(b) + (b.quarantined_window - b.number) * MINUTE_MS
end
