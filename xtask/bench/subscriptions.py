#!/usr/bin/env python3
"""Puts many subscriptions into the store of a Limen that is stopped, for measurements only.

    python3 xtask/bench/subscriptions.py DATA_DIR COUNT PRODUCT DEVELOPER KEYS_FILE

Product and developer must have been declared there. Each subscription gets a primary and a secondary key; the primary
keys are written to KEYS_FILE, 46 bytes and a line end each, so that the key of number N stands at byte 47 * N. Running
it again with another count takes away what the run before made.
"""

import hashlib
import pathlib
import sqlite3
import sys
import time
import zlib

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BATCH = 200_000
MADE = "sub_bench"


PAIRS = [first + second for first in BASE62 for second in BASE62]


def key(which: str, number: int) -> str:
    """A whole key: prefix, 30 characters that follow from the number, checksum."""
    body = "limen_sub_" + hashlib.sha256(b"%s %d" % (which.encode(), number)).hexdigest()[:30]
    rest, low = divmod(zlib.crc32(body.encode()), 3844)
    high, middle = divmod(rest, 3844)
    return body + PAIRS[high] + PAIRS[middle] + PAIRS[low]


def main() -> None:
    folder, count, product, developer, keys_file = sys.argv[1:]
    database = pathlib.Path(folder, "limen.db")
    if not database.exists():
        sys.exit(f"{folder}: there is no store; start Limen once with this data folder and stop it")
    now_us = int(time.time() * 1_000_000)
    store = sqlite3.connect(database)
    # For speed: what a power loss would damage here is made anew in a minute.
    store.execute("PRAGMA synchronous = OFF")
    store.execute("PRAGMA cache_size = -1000000")
    store.execute("DELETE FROM subscription_key WHERE subscription LIKE ?", (MADE + "%",))
    store.execute("DELETE FROM subscription WHERE id LIKE ?", (MADE + "%",))
    with open(keys_file, "w", encoding="ascii") as told:
        for begin in range(0, int(count), BATCH):
            subscriptions, keys = [], []
            for number in range(begin, min(begin + BATCH, int(count))):
                name = f"{MADE}{number:07}"
                subscriptions.append((name, product, developer, "active", now_us, now_us, None))
                for which in ("primary", "secondary"):
                    whole = key(which, number)
                    keys.append((hashlib.sha256(whole.encode()).digest(), name, which, now_us, None))
                    if which == "primary":
                        told.write(whole + "\n")
            store.executemany("INSERT INTO subscription VALUES (?, ?, ?, ?, ?, ?, ?)", subscriptions)
            keys.sort()
            store.executemany("INSERT INTO subscription_key VALUES (?, ?, ?, ?, ?)", keys)
    store.execute("UPDATE revision SET value = value + 1")
    store.commit()
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()


if __name__ == "__main__":
    main()
