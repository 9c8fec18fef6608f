-- Whose turn it is at a load balancer, and who waits for it.
-- KEYS: a hash (holder, limit, ended, settling), the line (waiter by arrival),
-- and when each waiter was last seen. All times in microseconds.
-- ARGV: verb, token, lease, silence, and
--   take: arrival, 0 at the first time
--   keep: nothing
--   give: the age of the last change or -1, the time it takes to settle or 0
-- The answer: whether token has the turn, how many are before it, how many
-- others wait, its arrival, the age of the last change or -1, the time to settle.

local turn, line, seen = KEYS[1], KEYS[2], KEYS[3]
local verb, token, lease, silence = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])

local function text(n)
  return string.format('%.0f', n)
end

-- How long anything is remembered of a load balancer at which nothing happens.
local KEPT = '600000'

local function number(field)
  return tonumber(redis.call('HGET', turn, field) or '0')
end

local function hold()
  redis.call('HSET', turn, 'holder', token, 'limit', text(now + lease))
  redis.call('PEXPIRE', turn, KEPT)
end

local function quit()
  redis.call('ZREM', line, token)
  redis.call('ZREM', seen, token)
end

-- Who has been silent for too long was killed, or gave up without a word.
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', text(now - silence))) do
  redis.call('ZREM', line, dead)
  redis.call('ZREM', seen, dead)
end

-- A lease that has lapsed can still be renewed while nobody else has taken it.
local holder = redis.call('HGET', turn, 'holder') or ''
if holder ~= token and number('limit') <= now then
  holder = ''
end

local mine, before, arrival = 0, 0, 0
if verb == 'give' then
  quit()
  local age, settling = tonumber(ARGV[5]), tonumber(ARGV[6])
  if age >= 0 and now - age > number('ended') then
    redis.call('HSET', turn, 'ended', text(now - age))
  end
  if settling > 0 then
    redis.call('HSET', turn, 'settling', text(settling))
  end
  if holder == token then
    redis.call('HDEL', turn, 'holder', 'limit')
  end
  if age >= 0 or settling > 0 then
    redis.call('PEXPIRE', turn, KEPT)
  end
elseif holder == token then
  hold()
  mine = 1
elseif verb == 'take' then
  arrival = tonumber(ARGV[5])
  if arrival == 0 then
    arrival = now
  end
  redis.call('ZADD', line, 'NX', text(arrival), token)
  redis.call('ZADD', seen, text(now), token)
  redis.call('PEXPIRE', line, KEPT)
  redis.call('PEXPIRE', seen, KEPT)
  before = redis.call('ZRANK', line, token)
  if before == 0 and holder == '' then
    quit()
    hold()
    mine = 1
  end
end

local ended, age = number('ended'), -1
if ended > 0 then
  age = math.max(0, now - ended)
end
return {mine, before, redis.call('ZCARD', line), arrival, age, number('settling')}
