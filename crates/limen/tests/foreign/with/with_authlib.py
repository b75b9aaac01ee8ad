"""A web application that uses Authlib: code with PKCE, call, refresh, introspect, revoke."""

import os

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from application import ID, REDIRECT_URI, SECRET, agree, ask, call, ends, metadata, tell

told = metadata()
session = OAuth2Session(
    ID,
    SECRET,
    redirect_uri=REDIRECT_URI,
    token_endpoint_auth_method="client_secret_basic" if SECRET else "none",
    code_challenge_method="S256",
    token_endpoint=told["token_endpoint"],
    revocation_endpoint_auth_method="client_secret_basic" if SECRET else "none",
)
verifier = generate_token(48)
address, state = session.create_authorization_url(told["authorization_endpoint"], code_verifier=verifier)
came = ask(address)
first = session.fetch_token(
    told["token_endpoint"], authorization_response=came, code_verifier=verifier, state=state
)
agree("the first token calls", call(first["access_token"]), 200)

second = session.refresh_token(told["token_endpoint"], refresh_token=first["refresh_token"])
agree("a refresh gives another refresh token", second["refresh_token"] != first["refresh_token"], True)
agree("the second token calls", call(second["access_token"]), 200)
if SECRET:
    answer = session.introspect_token(told["introspection_endpoint"], token=second["access_token"])
    agree("the token is active", answer.json()["active"], True)

ended = session.revoke_token(told["revocation_endpoint"], token=second["refresh_token"])
agree("revoking", ended.status_code, 200)
ends(second["access_token"])
try:
    session.refresh_token(told["token_endpoint"], refresh_token=second["refresh_token"])
    agree("a revoked refresh token", "accepted", "invalid_grant")
except OAuthError as error:
    agree("a revoked refresh token", error.error, "invalid_grant")
tell(first)
