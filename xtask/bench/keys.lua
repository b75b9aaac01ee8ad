-- For wrk: each call brings the key of another subscription, from a file of 47 bytes a key. Without a header of its own a
-- call is as any other.
-- Arguments: the file, how many lines it has, and "each BEGIN" for the keys from place BEGIN on, each once, or
-- "some CALLED SEED" for keys at random among those of the first CALLED places. Places are spread over the whole file.
local keys, count, begin, called

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  count = tonumber(arguments[2])
  keys = file:read("*a")
  file:close()
  if arguments[3] == "each" then
    begin = tonumber(arguments[4])
  else
    called = tonumber(arguments[4])
    math.randomseed(tonumber(arguments[5]))
  end
end

function request()
  local place
  if begin then
    place = begin
    begin = begin + 1
  else
    place = math.random(0, called - 1)
  end
  -- A prime, so that every key has one place.
  local at = place * 611953 % count * 47
  return wrk.format("GET", nil, { ["Limen-Subscription-Key"] = keys:sub(at + 1, at + 46), ["Host"] = "service" })
end
