-- Last part of acquire: calls with a wish, and those that cannot be served at once.

local refused = {}
local project, splits, votes = '', false, nil
if not is_plain then
  project, splits, votes = required_project()
end

if splits then
  refused = split_refusal(votes)
elseif project ~= '' then
  refused = grant_from(project)
else
  if not is_plain then
    begin_search()
    if wishes.affinity then
      grant_to_favourites()
    end
    is_cut_short = #leases < count and search()
  end
  if #leases < count and not is_cut_short then
    reserve()
  end
  refused = refusal(is_cut_short)
end
if wishes.affinity and #leases > 0 then
  remember_favourite()
end
return answer(refused)
