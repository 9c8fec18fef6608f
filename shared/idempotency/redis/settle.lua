-- KEYS: the records of one group.
-- ARGV: clock, owner, retention, how many completions to remember, and four
-- words for each record: action, key, completed, content. 1 where it was held.

local now, owner = clock(ARGV[1]), ARGV[2]
local retention, remembered = tonumber(ARGV[3]), tonumber(ARGV[4])

local function remember(r, action, key, content)
  local list = {action, key, content}
  for i = FIXED + 1, #r, 3 do
    if #list < remembered * 3 and (r[i] ~= action or r[i + 1] ~= key) then
      list[#list + 1], list[#list + 2], list[#list + 3] = r[i], r[i + 1], r[i + 2]
    end
  end
  for i = FIXED + 1, math.max(#r, FIXED + #list) do
    r[i] = list[i - FIXED]
  end
end

local function settle(name, r, action, key, complete, content)
  if r[OWNER] ~= owner or r[ACTION] ~= action or r[KEY] ~= key then
    local again = complete and r[DONE_BY] == owner and r[FIXED + 1] == action and r[FIXED + 2] == key
    return again and 1 or 0
  end
  if complete then
    if action ~= 'remove' then
      r[LAUNCHED] = math.max(r[LAUNCHED], r[AT])
    end
    remember(r, action, key, content)
    r[DONE_BY] = owner
  end
  r[OWNER], r[UNTIL], r[ACTION], r[KEY], r[AT] = '-', 0, '-', '-', 0
  if r[LAUNCHED] == 0 and r[REMOVED] == 0 and #r == FIXED then
    redis.call('DEL', name)
  else
    r[EXPIRES] = later(now, retention)
    save(name, r, now)
  end
  return 1
end

local answers = {}
for i, name in ipairs(KEYS) do
  local first = 4 + (i - 1) * 4
  local complete = ARGV[first + 3] == 'completed'
  answers[i] = settle(name, load(name, now), ARGV[first + 1], ARGV[first + 2], complete, ARGV[first + 4])
end
return answers
