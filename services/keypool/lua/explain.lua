-- Tell for each project how it stands with one model.
--
-- KEYS  1 prefix of the pool
-- ARGV  1 model
--       2 limit     most projects told
--       3 tokens    of the request in question
--       4 calendar  see quota
-- Reply {rows, now}; a row has
--       project, score, live keys, leases in flight, 1 when each live key is full, cool until,
--       flags, cool until of the whole project, when a request fits or '' for never,
--       {limit or -1, used, 1 when learned} of requests a minute, tokens and requests a day,
--       {requests lately, since when} where a day is limited, else {},
--       rows of {key, sealed proxy or '', tags as JSON or ''} for some of its live keys
-- Keeps Nothing changes for anybody.

local model, tokens = ARGV[1], tonumber(ARGV[3])
local now = pool_clock()

local SHOWN_KEYS = 16

local function live_keys(project)
  local open, is_full, shown = 0, 1, {}
  for _, key_id in ipairs(redis.call('ZRANGE', named('live', project), 0, JOURNAL_SIZE)) do
    local row = redis.call('HMGET', named('key', key_id), 'max_in_flight', 'proxy', 'tags')
    local room = tonumber(row[1] or 0)
    local leases = redis.call('ZCOUNT', named('leases', key_id), '(' .. now, '+inf')
    open = open + leases
    if room == 0 or leases < room then
      is_full = 0
    end
    if #shown < SHOWN_KEYS then
      shown[#shown + 1] = { key_id, row[2] or '', row[3] or '' }
    end
  end
  return open, is_full, shown
end

-- Requests and tokens that count at a time.
local function used_at(state, time)
  local requests, tokens = 0, 0
  for _, entry in ipairs(entries_of(state)) do
    if entry.first <= time and entry.last + WINDOW > time then
      requests, tokens = requests + entry.n, tokens + entry.tokens
    end
  end
  return requests, tokens
end

local function window(limits, kind, used)
  local limit = limits[kind]
  return { limit or -1, used, limit and limits.learned[kind] and 1 or 0 }
end

local function read_pace(state)
  local requests, since = pace.read(state.pace, now)
  return { requests, since }
end

local rows = {}
local projects, owned = list_projects('-', '-', tonumber(ARGV[2]))
for _, project in ipairs(owned) do
  projects[#projects + 1] = project
end
for index, project in ipairs(projects) do
  local state = read_state(model, project, now)
  local row = redis.call('HMGET', named('project', project), 'cool_until', 'tier')
  local limits = limits_of(state, row[2] or nil)
  local cool_until = tonumber(row[1] or 0)
  local requests, used = used_at(state, now)
  local open, is_full, shown = live_keys(project)
  local fits = earliest(state, limits, math.max(now, cool_until), tokens, 0)
  rows[index] = {
    project,
    redis.call('ZSCORE', named('order', model), project) or '0',
    redis.call('ZCARD', named('live', project)),
    open,
    is_full,
    state.cool_until,
    state.flags,
    cool_until,
    fits < HUGE and is_offered(limits) and math.ceil(fits) or '',
    window(limits, 'rpm', requests),
    window(limits, 'tpm', used),
    window(limits, 'rpd', state.day_count),
    limits.rpd and read_pace(state) or {},
    shown,
  }
end
return { rows, now }
