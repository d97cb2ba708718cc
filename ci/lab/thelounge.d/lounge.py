"""What ci/lab/thelounge cannot do in bash. Standard library only.

lounge.py ready LIMIT WEBPORT IRCPORT ADDRESS WEBPID IRCPID WEBLOG
          waits until the instance can be used. Exit codes as `lab.py serves`
lounge.py logout WEBPORT USER LANGUAGE < password
          ends all sessions of USER, those of open browsers included
"""
import http.client
import json
import random
import socket
import sys
import time

from lab import PORT_LOST, Patience, alive, answers, listens


def who_is_in_lab(port):
    """{nick: address} of the channel, asked by a visitor who joins nothing."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.sendall(f"NICK v{random.randrange(10**9)}\r\nUSER v 0 * :v\r\nWHO #lab\r\n".encode())
        members = {}
        for line in s.makefile(encoding="utf-8", errors="replace"):
            w = line.split()
            if w[0] == "PING":
                s.sendall(f"PONG {w[1]}\r\n".encode())
            elif w[1] == "451":  # "not registered": the server was not that far yet
                s.sendall(b"WHO #lab\r\n")
            elif w[1] == "352":
                members[w[7]] = w[5]
            elif w[1] == "315":
                s.sendall(b"QUIT\r\n")
                break
        return members


def ready(limit, web, irc, address, webpid, ircpid, weblog):
    web, irc = int(web), int(irc)

    def check():
        with open(weblog, errors="replace") as f:
            if "EADDRINUSE" in f.read():
                sys.exit(PORT_LOST)
        # ngircd says why on its way out; a lost port is the only cause seen.
        if not alive(ircpid):
            sys.exit(PORT_LOST)
        if not alive(webpid):
            sys.exit("The Lounge ended")

    patience = Patience(limit, check)

    def joined():
        try:
            members = who_is_in_lab(irc)
        except OSError as e:
            patience.state = f"IRC: {e}"
            return False
        patience.state = f"waiting for alice and bob in #lab from {address}, there are: {members}"
        return members.get("alice") == address and members.get("bob") == address

    patience.wait("ngircd", lambda: listens(ircpid, irc))
    patience.wait("The Lounge", lambda: listens(webpid, web) and answers(web))
    patience.wait("alice and bob", joined)


class Client:
    """As much of The Lounge's protocol (socket.io by polling) as a logout takes."""

    def __init__(self, port, language):
        self.port = port
        # The server remembers the language of an account's last login and sends
        # it with every later fetch, so this login must look like the browser's.
        self.headers = {"Accept-Language": language, "Content-Type": "text/plain;charset=UTF-8"}
        self.path = "/socket.io/?EIO=4&transport=polling"
        self.events = []
        self.path += "&sid=" + json.loads(self.call("GET")[1:])["sid"]
        self.call("POST", "40")

    def call(self, method, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        c.request(method, self.path, body, self.headers)
        r = c.getresponse()
        text = r.read().decode()
        if r.status != 200:
            sys.exit(f"The Lounge answered {r.status}: {text[:200]}")
        return text

    def emit(self, *event):
        self.call("POST", "42" + json.dumps(event))

    def wait(self, *names):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            while self.events:
                event = self.events.pop(0)
                if event[0] in names:
                    return event
            for packet in self.call("GET").split("\x1e"):
                if packet == "2":  # ping
                    self.call("POST", "3")
                elif packet.startswith("42"):
                    self.events.append(json.loads(packet[2:]))
        sys.exit(f"The Lounge did not say {names}")

    def sessions(self):
        self.emit("sessions:get")
        return self.wait("sessions:list")[1]


def logout(port, user, language):
    # As the user does it in the settings: "sign out" tells the open pages, while
    # a change of the account's file reaches neither them nor a running server.
    c = Client(int(port), language)
    c.wait("auth:start")
    c.emit("auth:perform", {"user": user, "password": sys.stdin.read().strip()})
    if c.wait("auth:success", "auth:failed")[0] == "auth:failed":
        sys.exit("The Lounge refused the password")
    c.wait("init")
    others = left = [s for s in c.sessions() if not s["current"]]
    for s in others:
        c.emit("sign-out", s["token"])
        left = [s for s in c.wait("sessions:list")[1] if not s["current"]]
    if left:
        sys.exit(f"sessions are left: {left}")
    c.emit("sign-out")
    print(f"{user}: {len(others)} sessions ended, {sum(s['active'] for s in others)} open pages")


if __name__ == "__main__":
    verb, *args = sys.argv[1:]
    {"ready": ready, "logout": logout}[verb](*args)
