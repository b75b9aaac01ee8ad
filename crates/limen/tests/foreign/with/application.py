"""What the applications in Python share: how they are told what to use, and how they ask for their user's browser."""

import json
import os
import sys
import time

import requests

ISSUER = os.environ["ISSUER"]
ID = os.environ["APPLICATION"]
SECRET = os.environ.get("SECRET")
REDIRECT_URI = os.environ["REDIRECT_URI"]
CALL = os.environ["CALL"]
KEY = os.environ["KEY"]


def metadata():
    """What the authorization server tells of itself."""
    answer = requests.get(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=30)
    answer.raise_for_status()
    told = answer.json()
    agree("the issuer", told["issuer"], ISSUER)
    return told


def ask(address):
    """Has the user's browser go to an address, and gives the address that it came back to."""
    print("go", address, flush=True)
    came = sys.stdin.readline().strip()
    if not came:
        raise SystemExit("nobody came back")
    return came


def call(token):
    """The status of a call with a token."""
    headers = {"Authorization": f"Bearer {token}", "Limen-Subscription-Key": KEY}
    return requests.get(CALL, headers=headers, timeout=30).status_code


def agree(what, seen, expected):
    if seen != expected:
        raise SystemExit(f"{what}: {seen!r} instead of {expected!r}")


def ends(token):
    """Waits until a call with the token is refused."""
    deadline = time.monotonic() + 20
    while (status := call(token)) != 401:
        if time.monotonic() > deadline:
            raise SystemExit(f"a call with a revoked token still answers {status}")
        time.sleep(0.25)


def tell(answer):
    """Ends well, and tells the members of the first answer."""
    print("done", json.dumps(dict(answer)), flush=True)
