-- The names under which the operations can be called.

local function register(name, flags)
  redis.register_function {
    function_name = 'tl_@VERSION@_' .. name,
    callback = operations[name],
    flags = flags,
  }
end

-- Without `allow-oom`: a full Redis refuses them before they begin. (No loop: while a library is loaded, there is
-- nothing global but `redis`.)
local writes, reads = {}, { 'no-writes' }
register('probe', writes)
register('open', writes)
register('configure', writes)
register('run', writes)
register('harvest', writes)
register('acknowledge', writes)
register('forget', writes)
register('standing', reads)
register('pages', reads)
register('leases', reads)
register('overview', reads)
