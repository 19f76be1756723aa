-- In the place of clock.lua in tests: time stands still until it is set.
local manual_ms

function clock.wall_ms()
  return manual_ms or error('the manual clock is not set')
end

redis.register_function {
  function_name = 'tl_@VERSION@_set_clock',
  callback = function(_, args)
    manual_ms = tonumber(args[1])
    return redis.status_reply('OK')
  end,
  flags = { 'no-writes' },
}
