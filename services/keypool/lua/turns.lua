-- Turns and ranks.
--
-- The rank of a project (within a model) and of a key (within its project) tells how many
-- rounds it has had: a turn is one round for a weight of 1, the w-th part of one for a weight
-- of w. The lowest rank goes next, so in any time in which they are free all of weight 1 get
-- turns that differ by one at most, and one of weight w gets w times as many.
--
-- `pass` is the rank of whoever went last in its turn. Nobody's rank counts for less: who was
-- away for long makes up for nothing. Nor does a turn out of turn put it more than a round
-- behind the others. A turn that came back unused takes PLACE from the rank: it is used before
-- anybody's own.
--
-- Ranks share the order of a model with times, ms: whoever has to wait stands there with the
-- time at which it may go again. All ranks are below FIRST_TIME.

local PLACE = 1e9
local FIRST_TIME = 1e12

-- Give a turn to a holder of a rank.
local function take_turn(holder, weight, pass)
  if holder.rank < 0 then
    holder.rank = holder.rank + PLACE
  else
    holder.rank = math.min(math.max(holder.rank, pass) + 1 / weight, pass + 1)
  end
end
