-- The one place that reads Redis's clock: once a call.

-- Milliseconds since the Unix epoch.
function clock.wall_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
