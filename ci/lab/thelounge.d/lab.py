"""What ci/lab/thelounge cannot do in bash. Standard library only.

lab.py ports N                      N free TCP ports of 127.0.0.1
lab.py ready LIMIT WEBPORT IRCPORT ADDRESS WEBPID IRCPID WEBLOG
          waits until the instance can be used. Exit codes: 0 ready, 3 a port was
          lost to another process (try again with others), 1 anything else
lab.py logout WEBPORT USER LANGUAGE < password
          ends all sessions of USER, those of open browsers included
"""
import http.client
import json
import os
import random
import socket
import sys
import time


def ports(n):
    # Below the range from which Linux draws the ports of outgoing connections,
    # and at random: labs that start side by side then seldom meet.
    found = set()
    for port in random.sample(range(20000, 32000), 500):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.add(port)
        if len(found) == n:
            return print(*found)
    sys.exit("no free ports")


def listens(pid, port):
    """Whether the listener of 127.0.0.1:port is the process pid, and not one that took the port."""
    inodes = set()
    with open("/proc/net/tcp") as f:
        for line in list(f)[1:]:
            field = line.split()
            if field[3] == "0A" and field[1] == f"0100007F:{port:04X}":
                inodes.add(f"socket:[{field[9]}]")
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                if os.readlink(f"/proc/{pid}/fd/{fd}") in inodes:
                    return True
            except FileNotFoundError:
                pass
    except FileNotFoundError:
        pass
    return False


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def get_root(port):
    try:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        c.request("GET", "/")
        return c.getresponse().status == 200
    except OSError:
        return False


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
    end = time.monotonic() + float(limit)
    web, irc, state = int(web), int(irc), "nothing yet"

    def wait(what, test):
        nonlocal state
        state = "waiting for: " + what
        while not test():
            with open(weblog, errors="replace") as f:
                if "EADDRINUSE" in f.read():
                    sys.exit(3)
            # ngircd says why on its way out; a lost port is the only cause seen.
            if not alive(ircpid):
                sys.exit(3)
            if not alive(webpid):
                sys.exit("The Lounge ended")
            if time.monotonic() > end:
                sys.exit(f"not ready after {limit} s, {state}")
            time.sleep(0.05)

    def joined():
        nonlocal state
        try:
            members = who_is_in_lab(irc)
        except OSError as e:
            state = f"IRC: {e}"
            return False
        state = f"waiting for alice and bob in #lab from {address}, there are: {members}"
        return members.get("alice") == address and members.get("bob") == address

    wait("ngircd", lambda: listens(ircpid, irc))
    wait("The Lounge", lambda: listens(webpid, web) and get_root(web))
    wait("alice and bob", joined)


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
    {"ports": lambda n: ports(int(n)), "ready": ready, "logout": logout}[verb](*args)
