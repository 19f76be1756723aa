#!lua name=tokenlease_@VERSION@
-- The book of each deployment, as Redis Functions. What each part is for stands at its head; the keys and
-- fields are listed in docs/internals/redis.md, "The book in Redis". quota-core is the oracle of all of it.

-- Constants between @ are written from Rust's, see functions/mod.rs.

-- The largest whole number that a double keeps exact. No limit, sum or total goes above it.
local MAX = @MAX_LIMIT@
-- In the place of a limit: there is none.
local NO_LIMIT = MAX + 1
-- The most that one lease holds: 40 bits of tokens, 24 of requests.
local MAX_LEASE = { tokens = @MAX_LEASE_TOKENS@, requests = @MAX_LEASE_REQUESTS@ }

local MINUTE_MS = @MINUTE_MS@
-- How long before its opening the next window can be asked for.
local AHEAD_MS = @AHEAD_MS@
-- A lease that would last less is granted from the next window instead.
local SHORTEST_LIFE_MS = @SHORTEST_LIFE_MS@
-- A window is never shorter.
local SHORTEST_WINDOW_MS = @SHORTEST_WINDOW_MS@
-- By so much a window's end may miss its wall minute's.
local SLEWED_MS = @SLEWED_MS@
-- A holder counts as active for so long after it asked.
local ACTIVE_MS = @ACTIVE_MS@
-- How soon holders give back their rests in an endgame.
local BEAT_MS = @BEAT_MS@
-- How often it makes sense to ask whether running requests gave something back.
local REFUND_MS = @REFUND_MS@
-- The parts of a limit below which its endgame begins: always, and while holders are short of so much.
local ENDGAME_PERCENT, SHORTAGE_PERCENT = @ENDGAME_PERCENT@, @SHORTAGE_PERCENT@
-- A deployment may have so many limits over longer periods; a rolling span has so many slices.
local MAX_PERIODS, PERIOD_SLICES = @MAX_PERIODS@, @PERIOD_SLICES@

local MINUTE, ROLLING = 0, 1
local TOKENS, REQUESTS = 0, 1
local OK, ENDGAME, EXHAUSTED, QUARANTINED = 0, 1, 2, 3

-- The parts, each filled in by the file of its name.
local clock, whole, records, time, vouch, book, buckets, leases = {}, {}, {}, {}, {}, {}, {}, {}
local rolling, quota, holders, hints, reply, history, places, acquire = {}, {}, {}, {}, {}, {}, {}, {}
local calendar, periods = {}, {}
-- The operations, by name.
local operations = {}
