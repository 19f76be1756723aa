-- Operations on leases, many in one call: the book is read once, and written once. Each is a letter and its fields;
-- `h` says in whose name those after it are.
local parse = {}

function parse.h(args, at, asker)
  asker.holder, asker.credential, asker.name = args[at], args[at + 1], args[at + 2]
  return nil, at + 3
end

function parse.a(args, at, asker)
  return {
    run = operations.acquire,
    holder = asker.holder, credential = asker.credential, name = asker.name,
    field = leases.request_field(asker.holder, args[at]),
    min_tokens = tonumber(args[at + 1]), min_requests = tonumber(args[at + 2]),
    want_tokens = tonumber(args[at + 3]), want_requests = tonumber(args[at + 4]),
    ahead = args[at + 5] == '1',
  }, at + 6
end

function parse.g(args, at, asker)
  return {
    run = operations.give_back, credential = asker.credential,
    window = tonumber(args[at]), number = tonumber(args[at + 1]),
    tokens = tonumber(args[at + 2]), requests = tonumber(args[at + 3]),
    closed = args[at + 4] == '1',
  }, at + 5
end

function parse.u(args, at, asker)
  return {
    run = operations.use, credential = asker.credential,
    window = tonumber(args[at]), number = tonumber(args[at + 1]),
    tokens = tonumber(args[at + 2]), requests = tonumber(args[at + 3]),
    overrun_tokens = tonumber(args[at + 4]), overrun_requests = tonumber(args[at + 5]),
  }, at + 6
end

function parse.d(args, at)
  return { run = operations.denied, tokens = tonumber(args[at]), requests = tonumber(args[at + 1]) }, at + 2
end

local function operations_of(args, at)
  local ops, asker = {}, {}
  while at <= #args do
    local op
    op, at = parse[args[at]](args, at + 1, asker)
    ops[#ops + 1] = op
  end
  return ops
end

-- Reads in one go what the operations will look at.
local function fetch(b, ops)
  local requests, numbers = {}, {}
  for _, op in ipairs(ops) do
    if op.field then
      requests[#requests + 1] = op.field
    elseif op.window and leases.is_known(b, op.window) then
      numbers[op.window] = numbers[op.window] or {}
      table.insert(numbers[op.window], op.number)
    end
  end
  for window, bucket in pairs(b.buckets) do
    if #requests > 0 and bucket.count > 0 then
      leases.fetch_requests(b, window, requests)
    end
  end
  for window, of in pairs(numbers) do
    leases.fetch(b, window, of)
  end
end

function operations.run(keys, args)
  local b, no = book.open(keys, args)
  if not b then
    return no
  end
  local ops, answers = operations_of(args, 7), {}
  fetch(b, ops)
  for _, op in ipairs(ops) do
    holders.rest(b)
    reply.append(answers, op.run(b, op))
  end
  book.commit_changes(b)
  return reply.of(b, 'ran', answers)
end
