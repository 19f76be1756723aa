-- The life of a book: opened, configured, forgotten.

local function policy_of(args, from, version)
  return {
    version = version,
    tokens = tonumber(args[from]), requests = tonumber(args[from + 1]), kind = tonumber(args[from + 2]),
    life_ms = tonumber(args[from + 3]), guard_ms = tonumber(args[from + 4]), refunds = tonumber(args[from + 5]),
  }
end

local function save_policy(b)
  book.write(b, 'HSET', b.key, 'policy', records.pack_policy(b.policy))
end

-- Opens a book where there is none: clean for a deployment that was just made; quarantined for one that should have
-- a book, since what that held is not known.
function operations.open(keys, args)
  local b, call = book.look(keys, args)
  if b then
    return reply.of(b, 'opened')
  end
  b = book.new(call, policy_of(args, 8, call.version))
  if args[7] == '1' then
    book.count(b)
  else
    vouch.quarantine(b, call)
  end
  save_policy(b)
  book.commit(b)
  return reply.of(b, 'opened')
end

-- Limits hold for the open window and the next one; closed pages keep what they had.
local function set_policy(b, policy)
  b.policy = policy
  for window, bucket in pairs(b.buckets) do
    if window >= b.number then
      bucket.tokens, bucket.requests = policy.tokens, policy.requests
      b.touched[window] = true
    end
  end
  save_policy(b)
  book.count(b)
end

-- Whether usage of closed windows is still awaited.
local function is_awaited(b)
  for _, page in ipairs(history.pages(b)) do
    if page.is_awaited then
      return true
    end
  end
  return false
end

-- Changes the policy, unless it has this version or a later one. The kind of window only changes at rest.
function operations.configure(keys, args)
  local b, call = book.look(keys, args)
  if not b then
    return { 'missing' }
  end
  book.prepare(b, call)
  local policy = policy_of(args, 7, call.version)
  if policy.version > b.policy.version then
    if policy.kind ~= b.policy.kind and (is_awaited(b) or not book.is_at_rest(b)) then
      return reply.of(b, 'kind_is_fixed')
    end
    set_policy(b, policy)
  end
  book.commit_changes(b)
  return reply.of(b, 'configured')
end

-- Removes a book that nothing is charged to and nothing is due of.
function operations.forget(keys, args)
  local b = book.look(keys, args)
  if not b then
    return { 'missing' }
  end
  local is_due = #b.over > 0 or redis.call('ZCARD', b.prefix .. 'due') > 0
  if is_due or not book.is_at_rest(b) or vouch.quarantined_for_ms(b) > 0 then
    return reply.of(b, 'busy')
  end
  redis.call('UNLINK', b.key, b.prefix .. 'holders', b.prefix .. 'ring', b.prefix .. 'releases',
    b.prefix .. 'closed', b.prefix .. 'due')
  return reply.of(b, 'forgotten')
end
