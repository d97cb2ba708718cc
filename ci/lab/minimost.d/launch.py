"""Starts MiniMost in the laboratory, or gives it its accounts. Its data are in MINIMOST_DATA_DIR.

launch.py seed < passwords           the accounts alice and bob
launch.py guarded ADDRESS PORT       the server as it is, but for the address it fetches from
launch.py open ADDRESS PORT          the same without its guard, which would keep it from a collector on this machine
"""
import http.client
import sqlite3
import sys
import time


def seed():
    from minimost import auth, common, create_app

    # Makes the tables.
    create_app()
    common.init_messages_db()
    now = time.time()
    with sqlite3.connect(auth.AUTH_DB) as accounts:
        for user, password in zip(("alice", "bob"), sys.stdin.read().split(), strict=True):
            # Not by the sign-up page: it wants passwords of a certain look.
            hashed = auth.hash_password(password)
            accounts.execute(
                "INSERT INTO users (username, password_hash, password_set_ts) VALUES (?, ?, ?)", (user, hashed, now)
            )


def come_from(address):
    """Tells what the server fetches from what browsers do without a look at headers."""
    for connection in (http.client.HTTPConnection, http.client.HTTPSConnection):
        start = connection.__init__

        def bound(self, *args, start=start, **named):
            start(self, *args, **{**named, "source_address": (address, 0)})

        connection.__init__ = bound


def lift_guard():
    from minimost import preview

    preview._is_safe_url = lambda url: True
    preview._resolves_to_public_ip = lambda host: True


def serve(instance, address, port):
    from minimost.__main__ import main

    come_from(address)
    if instance == "open":
        lift_guard()
    sys.argv[1:] = ["--host", "127.0.0.1", "--port", port]
    main()


if __name__ == "__main__":
    if sys.argv[1:] == ["seed"]:
        seed()
    else:
        serve(*sys.argv[1:])
