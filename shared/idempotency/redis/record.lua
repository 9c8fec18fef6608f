-- What both scripts share: the record of a backend as idempotency.Rules knows
-- it. It is one line of words, "-" for none, all times in microseconds:
--
--   owner until action key at  launchedAt removedAt removals doneBy expires
--   and three words for each completed change, newest first: action key content
--
-- The removals are one word, newest first: key,time,key,time
--
-- Doubles hold these times exactly until the year 2255, and the client sends
-- none that is later.

local LATEST = 9007199254740990
local OWNER, UNTIL, ACTION, KEY, AT = 1, 2, 3, 4, 5
local LAUNCHED, REMOVED, REMOVALS, DONE_BY, EXPIRES, FIXED = 6, 7, 8, 9, 10, 10
local NUMBERS = {UNTIL, AT, LAUNCHED, REMOVED, EXPIRES}

-- The time of the server, so that the clocks of hosts do not matter. Tests
-- send their own.
local function clock(given)
  if given ~= '' then
    return tonumber(given)
  end
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local function later(t, by)
  return math.min(t + by, LATEST)
end

local function blank()
  return {'-', 0, '-', '-', 0, 0, 0, '-', '-', 0}
end

local function load(name, now)
  local line = redis.call('GET', name)
  if not line then
    return blank()
  end
  local r = {}
  for word in string.gmatch(line, '%S+') do
    r[#r + 1] = word
  end
  for _, i in ipairs(NUMBERS) do
    r[i] = tonumber(r[i])
  end
  if r[EXPIRES] <= now then
    return blank()
  end
  return r
end

-- The engine forgets a little later than the condition does.
local function save(name, r, now)
  local life = math.ceil((r[EXPIRES] - now) / 1000) + 1000
  for _, i in ipairs(NUMBERS) do
    r[i] = string.format('%.0f', r[i])
  end
  redis.call('SET', name, table.concat(r, ' '), 'PX', string.format('%.0f', life))
end

local function removalStands(r)
  return r[REMOVED] ~= 0 and r[REMOVED] >= r[LAUNCHED]
end

-- The content of a completed change, or nil.
local function completed(r, action, key)
  for i = FIXED + 1, #r, 3 do
    if r[i] == action and r[i + 1] == key then
      return r[i + 2]
    end
  end
end
