-- Whether the book holds all that was granted (R7). A Redis that restarted or was promoted may have lost writes:
-- then what was granted of the open window is not known, and nothing more is granted of it.

-- What clocks of two Redis processes may differ by, and a call may be under way.
local DOUBT_MS = 1000
-- The sequence jumps by so much where writes were lost, above all that any server saw of the lost ones, so
-- that one loss is one quarantine.
local LOST_WRITES = 1000000000

local process

-- Which process this is, and since when it takes writes: a master that became a replica and a master again keeps its
-- run id, but not its replication id. (A process that was never promoted has no second one. Its first one is left
-- out, since it changes an hour after the last replica went.) The variable lives as long as the process, and is
-- gone after a full resynchronization, which loads the library anew; the data may outlive it.
function vouch.process()
  if not process then
    process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    local replication = redis.call('INFO', 'replication')
    local second = string.match(replication, 'master_replid2:(%x+)')
    if string.find(second, '[^0]') then
      process = process .. ':' .. string.match(replication, 'master_replid:(%x+)')
    end
  end
  return process
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
end

-- Compares the book with what the caller knows of it, and with the process that it was written in.
function vouch.check(b, call)
  local same_process = b.process == vouch.process()
  local all_there = b.seq >= call.seen_seq and not b.is_torn
  if same_process and all_there then
    return
  end
  if not (call.vouched and all_there) then
    vouch.quarantine(b, call)
  end
  b.process = vouch.process()
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
