// A web application that uses oauth4webapi: code with PKCE, call, refresh, introspect, revoke.
import * as oauth from 'oauth4webapi'
import { agree, ask, call, ends, environment, tell } from './application.mjs'

const { issuer, id, secret, redirect } = environment
const insecure = { [oauth.allowInsecureRequests]: true }
const as = await oauth
  .discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure })
  .then((answer) => oauth.processDiscoveryResponse(new URL(issuer), answer))
const application = { client_id: id }
const proof = secret ? oauth.ClientSecretBasic(secret) : oauth.None()

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const address = new URL(as.authorization_endpoint)
address.search = new URLSearchParams({
  client_id: id,
  redirect_uri: redirect,
  response_type: 'code',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
}).toString()
const came = new URL(await ask(address))
const accepted = oauth.validateAuthResponse(as, application, came, state)

const first = await oauth
  .authorizationCodeGrantRequest(as, application, proof, accepted, redirect, verifier, insecure)
  .then((answer) => oauth.processAuthorizationCodeResponse(as, application, answer))
agree('the first token calls', await call(first.access_token), 200)

const second = await oauth
  .refreshTokenGrantRequest(as, application, proof, first.refresh_token, insecure)
  .then((answer) => oauth.processRefreshTokenResponse(as, application, answer))
agree('a refresh gives another refresh token', second.refresh_token !== first.refresh_token, true)
agree('the second token calls', await call(second.access_token), 200)

if (secret) {
  const told = await oauth
    .introspectionRequest(as, application, proof, second.access_token, insecure)
    .then((answer) => oauth.processIntrospectionResponse(as, application, answer))
  agree('the token is active', told.active, true)
}

const ended = await oauth.revocationRequest(as, application, proof, second.refresh_token, insecure)
await oauth.processRevocationResponse(ended)
await ends(second.access_token)
const refused = await oauth
  .refreshTokenGrantRequest(as, application, proof, second.refresh_token, insecure)
  .then((answer) => oauth.processRefreshTokenResponse(as, application, answer))
  .then(() => 'accepted', (error) => error.error)
agree('a revoked refresh token', refused, 'invalid_grant')
tell(first)
