-- Turns and ranks.
--
-- Each grant takes a turn: a time in ms, raised by a tick where grants share a millisecond, so
-- that no two grants of a pool are equal. The rank of a project (within a model) and of a key
-- (within its project) is its last turn, less PLACE for each turn that came back unused. The
-- lowest rank goes next: returned turns are used before anybody's first, firsts before seconds.

local TICK = 1 / 256
local PLACE = 1e9

-- The rank of what was never used.
local function newcomer(now)
  return now - PLACE / 2
end

local function taken(rank, turn)
  return math.min(rank + PLACE, turn)
end
