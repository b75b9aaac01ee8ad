-- For wrk: each call brings the key of another subscription, taken at random from a file of 47 bytes a key.
-- Arguments: the file, how many of its keys are used, and the seed. Without a header of its own a call is as any other.
local keys, count

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  count = tonumber(arguments[2])
  keys = file:read("*a")
  file:close()
  math.randomseed(tonumber(arguments[3]))
end

function request()
  local at = math.random(0, count - 1) * 47
  return wrk.format("GET", nil, { ["Limen-Subscription-Key"] = keys:sub(at + 1, at + 46), ["Host"] = "service" })
end
