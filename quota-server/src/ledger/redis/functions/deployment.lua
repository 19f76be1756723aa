-- The life of a book: opened, configured, forgotten.

local FIRST = book.FIRST_ARG
-- Behind a policy that begins with the first.
local LIMITS = FIRST + 6

local function policy_of(args, from, version)
  return {
    version = version,
    tokens = tonumber(args[from]), requests = tonumber(args[from + 1]), kind = tonumber(args[from + 2]),
    life_ms = tonumber(args[from + 3]), guard_ms = tonumber(args[from + 4]), refunds = tonumber(args[from + 5]),
    told = version,
  }
end

-- The limits over longer periods, which come behind a policy.
local function limits_of(args, from)
  local limits = {}
  for at = from, #args, 4 do
    limits[#limits + 1] = {
      unit = tonumber(args[at]), kind = tonumber(args[at + 1]), arg = tonumber(args[at + 2]), most = tonumber(args[at + 3]),
    }
  end
  return limits
end

-- Where a limit over a longer period holds, the policy is where a library of an older build, which would charge none, does not
-- find it: whatever that is asked, it fails before it changes anything.
local function save_policy(b)
  local field, other = 'policy', 'limits'
  if periods.hold(b) then
    field, other = other, field
  end
  book.write(b, 'HSET', b.key, field, records.pack_policy(b.policy), 'instance', b.instance)
  book.write(b, 'HDEL', b.key, other)
end

-- Opens a book where there is none: clean for a deployment that was just made; quarantined for one that should have
-- a book, since what that held is not known; and in the place of another deployment's, since this one may have had
-- another number before.
function operations.open(keys, args)
  local b, call = book.look(keys, args)
  local is_clean = args[FIRST] == '1'
  if b and not b.instance and is_clean then
    -- An older build's, though the deployment is new.
    book.replace(b, call)
  elseif b then
    return reply.of(b, 'opened')
  end
  local moving = book.moving(call)
  if moving then
    return moving
  end
  b = book.new(call, policy_of(args, FIRST + 1, call.version))
  periods.set(b, limits_of(args, LIMITS + 1))
  if is_clean and not call.is_replaced then
    book.count(b)
  else
    vouch.quarantine(b, call)
    -- All that its periods held, whenever they began.
    periods.doubt(b, MAX)
  end
  save_policy(b)
  book.commit(b)
  return reply.of(b, 'opened')
end

-- Limits hold for the open window and the next one; closed pages keep what they had.
local function set_policy(b, policy, limits)
  b.policy = policy
  for window, bucket in pairs(b.buckets) do
    if window >= b.number then
      bucket.tokens, bucket.requests = policy.tokens, policy.requests
      b.touched[window] = true
    end
  end
  periods.set(b, limits)
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
  local moving = book.prepare(b, call)
  if moving then
    return moving
  end
  local policy = policy_of(args, FIRST, call.version)
  local is_adopted = not b.instance
  if is_adopted then
    -- Of an older build, which did not say whose it is: what it is charged with holds, its limits may be another's.
    b.instance = call.instance
    policy.version = math.max(policy.version, b.policy.version)
  end
  if is_adopted or policy.version > b.policy.version then
    if policy.kind ~= b.policy.kind and (is_awaited(b) or not book.is_at_rest(b)) then
      return reply.of(b, 'kind_is_fixed')
    end
    set_policy(b, policy, limits_of(args, LIMITS))
  elseif policy.told > b.policy.told then
    -- An older build has told the rest of this change, or of a later one.
    b.policy.told = policy.told
    set_policy(b, b.policy, limits_of(args, LIMITS))
  end
  book.commit_changes(b)
  return reply.of(b, 'configured')
end

-- Removes a book that nothing is charged to and nothing is due of, unless its deployment was made again meanwhile.
function operations.forget(keys, args)
  local b, call = book.look(keys, args)
  if not b then
    return { 'missing' }
  end
  local moving = book.moving(b)
  if moving then
    return moving
  end
  if b.policy.version > call.version then
    return reply.of(b, 'busy')
  end
  local is_due = #b.over > 0 or redis.call('ZCARD', b.prefix .. 'due') > 0
  if is_due or not book.is_at_rest(b) or not periods.is_empty(b) or vouch.quarantined_for_ms(b) > 0 then
    return reply.of(b, 'busy')
  end
  redis.call('UNLINK', b.key, b.prefix .. 'holders', b.prefix .. 'ring', b.prefix .. 'releases',
    b.prefix .. 'closed', b.prefix .. 'due')
  return reply.of(b, 'forgotten')
end
