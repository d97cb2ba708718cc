"""What the laboratories cannot do in bash. Standard library only; also imported by their own scripts.

lab.py ports N                       N free TCP ports of 127.0.0.1, one a line
lab.py serves LIMIT PORT PATH PID LOG
          waits until the process listens on 127.0.0.1:PORT and answers a GET for PATH with 200. Exit codes: 0 ready,
          3 a port was lost to another process (try again with others), 1 anything else
lab.py relay PID PORT...             leads 127.0.0.1:PORT here to 127.0.0.1:PORT in the network of the process PID
"""
import asyncio
import contextlib
import ctypes
import http.client
import os
import random
import socket
import sys
import time

PORT_LOST = 3
NOBODY = 65534
CLONE_NEWNET = 0x40000000


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
            return print(*found, sep="\n")
    sys.exit("no free ports")


def listens(pid, port):
    """Whether the listener of 127.0.0.1:port is the process pid, and not one that took the port."""
    inodes = set()
    try:
        with open(f"/proc/{pid}/net/tcp") as f:
            for line in list(f)[1:]:
                field = line.split()
                if field[3] == "0A" and field[1] in (f"0100007F:{port:04X}", f"00000000:{port:04X}"):
                    inodes.add(f"socket:[{field[9]}]")
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(f"/proc/{pid}/fd/{fd}") in inodes:
                    return True
    except OSError:
        pass
    return False


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def answers(port, path="/"):
    """Whether 127.0.0.1:port answers a GET with 200."""
    try:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        c.request("GET", path)
        return c.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


class Patience:
    """Waits for one thing after the other, all within one limit."""

    def __init__(self, limit, check):
        """`check` is called while waiting, and ends the process if there is nothing to wait for any more."""
        self.limit, self.check = limit, check
        self.end = time.monotonic() + float(limit)
        self.state = "nothing yet"

    def wait(self, what, test):
        self.state = "waiting for: " + what
        while not test():
            self.check()
            if time.monotonic() > self.end:
                sys.exit(f"not ready after {self.limit} s, {self.state}")
            time.sleep(0.05)


def serves(limit, port, path, pid, log):
    def check():
        with open(log, errors="replace") as f:
            said = f.read().lower()
        if "in use" in said or "eaddrinuse" in said:
            sys.exit(PORT_LOST)
        if not alive(pid):
            sys.exit("the server ended")

    Patience(limit, check).wait(f"port {port}{path}", lambda: listens(pid, int(port)) and answers(int(port), path))


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


async def join(port, reader, writer):
    """Leads one connection on, until both directions have ended."""
    try:
        there = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return writer.transport.abort()
    await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
    for one in (writer, there[1]):
        one.close()


async def relay(pid, listening):
    # Sockets stay in the network they were made in; those made from here on are in the other one.
    with open(f"/proc/{pid}/ns/net") as net:
        if ctypes.CDLL(None, use_errno=True).setns(net.fileno(), CLONE_NEWNET):
            sys.exit(f"cannot enter the network of {pid}: {os.strerror(ctypes.get_errno())}")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    for s in listening:
        port = s.getsockname()[1]
        await asyncio.start_server(lambda r, w, port=port: join(port, r, w), sock=s)
    await asyncio.Event().wait()


def main(verb, *args):
    if verb == "ports":
        ports(int(args[0]))
    elif verb == "serves":
        serves(*args)
    elif verb == "relay":
        listening = [socket.create_server(("127.0.0.1", int(port)), backlog=128) for port in args[1:]]
        asyncio.run(relay(args[0], listening))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
