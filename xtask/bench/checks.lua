-- What Limen checks on a call, for nginx: subscription key, rate, token (remembered), quota; then who calls is told on.
--
-- The signature of the token is not verified here: the tokens that are good stand in a shared table from the start, as
-- if each had been verified on an earlier call. That is the cheapest that a cache of tokens can be.
local key = ngx.var.http_limen_subscription_key
local subscription = key and ngx.shared.subscriptions:get(key)
if not subscription then
  return ngx.exit(401)
end

local second = math.floor(ngx.now())
local calls = ngx.shared.rates:incr(subscription .. ":" .. second, 1, 0, 2)
if not calls or calls > 1000000 then
  return ngx.exit(429)
end

local authorization = ngx.var.http_authorization
local is_bearer = authorization and authorization:sub(1, 7) == "Bearer "
local known = is_bearer and ngx.shared.tokens:get(authorization:sub(8))
if not known then
  return ngx.exit(401)
end
if tonumber(known:sub(1, 10)) <= ngx.time() then
  return ngx.exit(401)
end

local used = ngx.shared.quotas:incr(subscription .. ":" .. math.floor(second / 86400), 1, 0, 86400)
if not used or used > 1000000000 then
  return ngx.exit(403)
end

ngx.req.clear_header("Limen-Subscription-Key")
ngx.req.clear_header("Authorization")
ngx.req.set_header("Limen-Subscription", subscription)
ngx.req.set_header("Limen-User", known:sub(12))
ngx.header["X-Request-Id"] = ngx.var.request_id
