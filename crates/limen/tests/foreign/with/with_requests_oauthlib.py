"""A web application that uses requests-oauthlib: code with PKCE, call, refresh, revoke."""

import os

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from oauthlib.oauth2 import InvalidGrantError
from requests_oauthlib import OAuth2Session

from application import ID, REDIRECT_URI, SECRET, agree, ask, call, ends, metadata, tell

told = metadata()
session = OAuth2Session(ID, redirect_uri=REDIRECT_URI, pkce="S256")
address, _state = session.authorization_url(told["authorization_endpoint"])
came = ask(address)
proof = {"client_secret": SECRET} if SECRET else {"include_client_id": True}
first = session.fetch_token(told["token_endpoint"], authorization_response=came, **proof)
agree("the first token calls", call(first["access_token"]), 200)

body = {"client_id": ID} | ({"client_secret": SECRET} if SECRET else {})
second = session.refresh_token(told["token_endpoint"], refresh_token=first["refresh_token"], **body)
agree("a refresh gives another refresh token", second["refresh_token"] != first["refresh_token"], True)
agree("the second token calls", call(second["access_token"]), 200)

ended = requests.post(told["revocation_endpoint"], data=body | {"token": second["refresh_token"]}, timeout=30)
agree("revoking", ended.status_code, 200)
ends(second["access_token"])
try:
    session.refresh_token(told["token_endpoint"], refresh_token=second["refresh_token"], **body)
    agree("a revoked refresh token", "accepted", "invalid_grant")
except InvalidGrantError:
    pass
tell(first)
