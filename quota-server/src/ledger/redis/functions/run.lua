-- Operations on leases, many in one call: the book is read once, and written once. Each is one argument, a letter
-- and its fields, packed: an argument of its own for each number would cost as much as all the rest. `h` says in
-- whose name those after it are.
local parse = {}

local function asker_of(packed)
  local holder, credential, at = struct.unpack('c16c16', packed, 2)
  return {
    holder = holder, owner = holder .. credential, credential = credential,
    name_field = 'h' .. holder, name = string.sub(packed, at),
  }
end

-- Any number of acquires.
function parse.a(packed, asker)
  return { run = operations.acquire, asker = asker, packed = packed, requests = acquire.requests(packed) }
end

function parse.g(packed, asker)
  local window, number, tokens, requests, closed = struct.unpack('>I8I4I8I8B', packed, 2)
  return {
    run = operations.give_back, credential = asker.credential, window = window, number = number,
    tokens = tokens, requests = requests, closed = closed == 1,
  }
end

function parse.u(packed, asker)
  local window, number, tokens, requests, overrun_tokens, overrun_requests =
    struct.unpack('>I8I4I8I8I8I8', packed, 2)
  return {
    run = operations.use, credential = asker.credential, window = window, number = number,
    tokens = tokens, requests = requests, overrun_tokens = overrun_tokens, overrun_requests = overrun_requests,
  }
end

function parse.d(packed)
  local tokens, requests = struct.unpack('>I8I8', packed, 2)
  return { run = operations.denied, tokens = tokens, requests = requests }
end

local function operations_of(args, from)
  local ops, asker = {}, nil
  for at = from, #args do
    local packed = args[at]
    local letter = string.sub(packed, 1, 1)
    if letter == 'h' then
      asker = asker_of(packed)
    else
      ops[#ops + 1] = parse[letter](packed, asker)
    end
  end
  return ops
end

-- Reads in one go what the operations will look at.
local function fetch(b, ops)
  local requests, names, askers, numbers = {}, {}, {}, {}
  for _, op in ipairs(ops) do
    if op.asker then
      reply.append(requests, op.requests)
      names[#names + 1], askers[#askers + 1] = op.asker.name_field, op.asker.holder
    elseif op.window and leases.is_known(b, op.window) then
      numbers[op.window] = numbers[op.window] or {}
      table.insert(numbers[op.window], op.number)
    end
  end
  if #askers > 0 then
    holders.fetch(b, askers)
    local count = #requests
    reply.append(requests, names)
    for window, bucket in pairs(b.buckets) do
      if bucket.count > 0 then
        leases.fetch_requests(b, window, requests, count)
      end
    end
  end
  for window, of in pairs(numbers) do
    leases.fetch(b, window, of)
  end
end

-- How many windows the answers speak of, and how each stands after all of them.
local function standings(b)
  local shown = { 0 }
  for window in pairs(b.shown) do
    shown[1] = shown[1] + 1
    reply.append(shown, { window, reply.standing(b, window) })
  end
  return shown
end

function operations.run(keys, args)
  local b, no = book.open(keys, args)
  if not b then
    return no
  end
  local ops, answers = operations_of(args, book.FIRST_ARG), {}
  fetch(b, ops)
  for _, op in ipairs(ops) do
    if op.asker then
      op.run(b, op, answers)
    else
      places.finish(b, answers)
      holders.rest(b)
      reply.append(answers, op.run(b, op))
    end
  end
  places.finish(b, answers)
  book.commit_changes(b)
  return reply.append(reply.of(b, 'ran', standings(b)), answers)
end
