#!lua name=tokenlease_@VERSION@
-- The book of each deployment, as Redis Functions. What each part is for stands at its head; the keys and
-- fields are listed in ARCHITECTURE.md, "The book in Redis". quota-core is the oracle of all of it.

-- The largest whole number that a double keeps exact. No limit, sum or total goes above it.
local MAX = 9007199254740991
-- In the place of a limit: there is none.
local NO_LIMIT = MAX + 1
-- The most that one lease holds: 40 bits of tokens, 24 of requests.
local MAX_LEASE = { tokens = 1099511627775, requests = 16777215 }

local MINUTE_MS = 60000
-- How long before its opening the next window can be asked for.
local AHEAD_MS = 1000
-- A lease that would last less is granted from the next window instead.
local SHORTEST_LIFE_MS = 20

local MINUTE, ROLLING = 0, 1
local TOKENS, REQUESTS = 0, 1
local OK, ENDGAME, EXHAUSTED, QUARANTINED = 0, 1, 2, 3

-- The parts, each filled in by the file of its name.
local clock, whole, records, time, vouch, book, buckets, leases = {}, {}, {}, {}, {}, {}, {}, {}
local rolling, quota, holders, hints, reply, history, places, acquire = {}, {}, {}, {}, {}, {}, {}, {}
-- The operations, by name.
local operations = {}
