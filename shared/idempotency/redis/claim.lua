-- KEYS: the records of one group.
-- ARGV: clock, owner, hold, retention, how many removals to remember, and five
-- words for each record: action, key, at, pending, content. Answers stand where
-- their claims stood.

local now, owner = clock(ARGV[1]), ARGV[2]
local hold, retention, sightings = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local function heldAgainst(r, action, key)
  return r[OWNER] ~= '-' and r[UNTIL] > now
    and (r[OWNER] ~= owner or r[KEY] ~= key or r[ACTION] ~= action)
end

local function held(r)
  return 'held ' .. string.format('%.0f', r[UNTIL])
end

local function duplicate(done, content)
  if done ~= '-' and content ~= '-' and done ~= content then
    return 'duplicate differs'
  end
  return 'duplicate'
end

local function take(name, r, action, key, at)
  local limit = later(now, hold)
  r[OWNER], r[UNTIL], r[ACTION], r[KEY], r[AT] = owner, limit, action, key, at
  r[EXPIRES] = math.max(later(now, retention), limit)
  save(name, r, now)
  return 'claimed'
end

local function launch(name, r, key, at, pending, content)
  local removed = removalStands(r)
  local done = completed(r, 'add', key)
  pending = pending and at == 0
  if at ~= 0 and at <= r[REMOVED] then
    return 'superseded'
  end
  if removed and (at == 0 or done) and not pending then
    return 'superseded'
  end
  if done and not removed then
    return duplicate(done, content)
  end
  if heldAgainst(r, 'add', key) then
    return held(r)
  end
  if removed and at == 0 then
    at = math.max(r[REMOVED] + 1, now)
  end
  return take(name, r, 'add', key, at)
end

-- The time of a removal that is remembered, else 0.
local function sighted(r, key)
  for known, at in string.gmatch(r[REMOVALS], '([^,]+),(%d+)') do
    if known == key then
      return tonumber(at)
    end
  end
  return 0
end

local function sight(r, key, at)
  local list = {key, string.format('%.0f', at)}
  for known, time in string.gmatch(r[REMOVALS], '([^,]+),(%d+)') do
    if #list < sightings * 2 then
      list[#list + 1], list[#list + 2] = known, time
    end
  end
  r[REMOVALS] = table.concat(list, ',')
end

local function removal(name, r, key, at, content)
  local first = sighted(r, key)
  if at == 0 then
    at = first
  end
  local done = completed(r, 'remove', key)
  if done and removalStands(r) then
    return duplicate(done, content)
  end
  if done or (at ~= 0 and at < r[LAUNCHED]) then
    return 'superseded'
  end
  if at == 0 then
    at = math.max(now, r[LAUNCHED], r[REMOVED], r[AT])
  end
  if first == 0 then
    sight(r, key, at)
  end
  local news = first == 0 or at > r[REMOVED]
  if news then
    r[REMOVED] = math.max(r[REMOVED], at)
    r[EXPIRES] = math.max(later(now, retention), r[UNTIL])
  end
  if heldAgainst(r, 'remove', key) then
    local answer = held(r)
    if news then
      save(name, r, now)
    end
    return answer
  end
  return take(name, r, 'remove', key, at)
end

local answers = {}
for i, name in ipairs(KEYS) do
  local first = 5 + (i - 1) * 5
  local action, key, at = ARGV[first + 1], ARGV[first + 2], tonumber(ARGV[first + 3])
  local pending, content = ARGV[first + 4] == 'pending', ARGV[first + 5]
  local r = load(name, now)
  if action == 'remove' then
    answers[i] = removal(name, r, key, at, content)
  else
    answers[i] = launch(name, r, key, at, pending, content)
  end
end
return answers
