// A web application that uses openid-client: code with PKCE, call, refresh, introspect, revoke.
import * as library from 'openid-client'
import { agree, ask, call, ends, environment, tell } from './application.mjs'

const { issuer, id, secret, redirect } = environment
const proof = secret ? library.ClientSecretPost(secret) : library.None()
const config = await library.discovery(new URL(issuer), id, undefined, proof, {
  algorithm: 'oauth2',
  execute: [library.allowInsecureRequests],
})

const verifier = library.randomPKCECodeVerifier()
const state = library.randomState()
const address = library.buildAuthorizationUrl(config, {
  redirect_uri: redirect,
  code_challenge: await library.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
})
const came = new URL(await ask(address))
const first = await library.authorizationCodeGrant(config, came, { pkceCodeVerifier: verifier, expectedState: state })
agree('the first token calls', await call(first.access_token), 200)

const second = await library.refreshTokenGrant(config, first.refresh_token)
agree('a refresh gives another refresh token', second.refresh_token !== first.refresh_token, true)
agree('the second token calls', await call(second.access_token), 200)
if (secret) {
  agree('the token is active', (await library.tokenIntrospection(config, second.access_token)).active, true)
}

await library.tokenRevocation(config, second.refresh_token)
await ends(second.access_token)
const refused = await library.refreshTokenGrant(config, second.refresh_token).then(
  () => 'accepted',
  (error) => error.error,
)
agree('a revoked refresh token', refused, 'invalid_grant')
tell(first)
