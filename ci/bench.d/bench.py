"""Measures waxseal's collector beside nginx and knotd. Needs the `cryptography` package, for AES-SIV.

Every link bears a token of the collector's key, and each must have been known again. Each row alternates both sides in
short rounds and takes the median of the ratios, so that what else the machine does hits both. Every round of ours has a store of its own, and
afterwards each answered request must be found in it.
"""
import argparse
import base64
import contextlib
import datetime
import hashlib
import itertools
import json
import os
import random
import re
import resource
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

# The key of every collector here: so the same links are known by each of them.
KEY = hashlib.sha256(b"waxseal bench").digest()
ZONE = "canary.example"
ROWS = ["keep", "new", "https", "dns", "memory", "spread", "judging", "history"]
# What was tried where we fall short, so that nobody has to try it again first.
TRIED = {
    "keep-alive, 256 connections, requests/s":
        "tried: one record for many answers, several rows a statement, fdatasync, larger pages, one timer a connection, "
        "mimalloc, telling a group on the runtime's own threads. What is left is spread over TCP, JSON, SHA-256 and SQLite.",
    "a connection per request, requests/s":
        "tried: no peek, no lingering where all was read, a longer backlog, a boxed TLS path. What is left above nginx is "
        "the record itself, and registering each socket with the runtime.",
    "DNS over UDP, queries/s (knotd)":
        "tried: recording and answering datagrams in batches. Not yet: several datagrams for one system call. All come "
        "from one address, so most are answered truncated.",
    "judging 1000000 hits / a tenth, s":
        "tried: room for all records at once, reading on all cores, tables by number instead of hashes, one text for many "
        "hits. What is left is memory: the large run touches 1.5 GiB of fresh pages, and much of its time goes to clearing "
        "them. Not yet: smaller records in memory.",
}
MIB = 1 << 20


def derive(key, purpose, of):
    return hashlib.sha256(key + purpose + b"\0" + of).digest()


def tokens():
    """Tokens without end, run after run, as src/canary/token.rs makes them."""
    mask = derive(KEY, b"mask", b"")
    for run in itertools.count(1):
        number = run.to_bytes(4, "big")
        mint = AESSIV(derive(KEY, b"run", number))
        for trial in range(1 << 16):
            # Layout, trial, and the first arm, form and part of all.
            sealed = mint.encrypt(bytes([3, *trial.to_bytes(4, "big"), 0, 0, 0]), None)
            front = bytes(a ^ b for a, b in zip(number, derive(mask, b"pad", sealed[:16])))
            yield base64.b32encode(front + sealed).rstrip(b"=").decode().lower()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def process(words, **more):
    """A child that ends with the block, whatever becomes of the block."""
    child = subprocess.Popen(words, **more)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def until_it_listens(port, child):
    for _ in range(500):
        if child.poll() is not None:
            sys.exit(f"bench: {child.args[0]} ended at once, with status {child.returncode}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.01)
    sys.exit(f"bench: nobody listens on port {port}")


def run(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, words))} failed:\n{done.stdout}")
    return done.stdout


class Ours:
    """A collector with a store of its own; `kept` and `missed` are known once it has ended."""

    def __init__(self, bench, *words):
        self.folder = Path(tempfile.mkdtemp(dir=bench.folder))
        self.store = self.folder / "bench.db"
        key = Path(f"{self.store}.key")
        key.touch(0o600)
        key.write_text(KEY.hex() + "\n")
        self.words = [bench.waxseal, "serve", "--log-level", "warn", "--store", self.store, "--listen", "127.0.0.1:0",
                      "--certificate", bench.folder / "chain.pem", "--key", bench.folder / "key.pem", *words]

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.child = self.stack.enter_context(process(self.words, stdout=subprocess.PIPE, text=True))
        line = self.child.stdout.readline()
        found = re.search(r"listening on \S+?:(\d+)", line)
        if not found:
            sys.exit(f"bench: waxseal did not start: {line}")
        self.port = int(found[1])
        asked = re.search(r"asked for names at \S+?:(\d+)", line)
        self.dns = asked and int(asked[1])
        return self

    def __exit__(self, *error):
        self.stack.__exit__(*error)
        if error[0] is None:
            self.count()
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()

    def count(self):
        with contextlib.closing(sqlite3.connect(self.store)) as store:
            kind = "json_extract(body, '$.kind.kind')"
            is_a = "json_extract(body, '$.record')"
            self.kept = dict(store.execute(f"SELECT {kind}, COUNT(*) FROM record WHERE {is_a} = 'hit' GROUP BY 1"))
            missed = f"SELECT SUM(json_extract(body, '$.missed')) FROM record WHERE {is_a} = 'gap'"
            self.missed = store.execute(missed).fetchone()[0] or 0
            intact = "json_extract(body, '$.recognition.matches[0].class') IS 'intact'"
            # Whoever connects and says nothing has no canary.
            strange = f"SELECT COUNT(*) FROM record WHERE {is_a} = 'hit' AND {kind} IN ('http', 'dns') AND NOT {intact}"
            strange = store.execute(strange).fetchone()[0]
        if strange:
            sys.exit(f"bench: {strange} hits were not known to be of a canary")

    def memory(self):
        """The most that it ever had in memory, in MiB."""
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.child.pid}/status").read_text())[1]) / 1024

    def cpu(self):
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Wrk:
    """One round of wrk: requests a second, the slowest hundredth in milliseconds, and how many were answered."""

    UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}

    def __init__(self, url, seconds, connections, closes):
        close = ["-H", "Connection: close"] if closes else []
        out = run(["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", *close, url])
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
        slow, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", out).groups()
        self.slow = float(slow) * self.UNITS[unit]
        self.answered = int(re.search(r"(\d+) requests in", out)[1])
        if "Non-2xx" in out:
            sys.exit(f"bench: not every answer was the page:\n{out}")


class Bench:
    def __init__(self, asked, folder):
        self.waxseal, self.seconds, self.rounds = asked.waxseal, asked.seconds, asked.rounds
        self.hits, self.judged, self.idle, self.folder = asked.hits, asked.judged, asked.idle, folder
        self.runs = asked.runs
        self.rows = []
        self.path = "/" + next(tokens())

    def row(self, name, ours, theirs, ratio, goal, met, note=""):
        self.rows.append({"name": name, "ours": round(ours, 3), "theirs": round(theirs, 3), "ratio": round(ratio, 3),
                          "goal": goal, "met": bool(met), **({"note": note} if note else {})})
        print(f"{name:<44} {ours:>11.1f} {theirs:>11.1f} {ratio:>7.2f}   {goal:<11} {'yes' if met else 'NO'}"
              + (f"   {note}" if note else ""), flush=True)

    def certificate(self):
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", self.folder / "key.pem", "-out", self.folder / "chain.pem"])

    def page(self):
        """The collector's page becomes nginx's file: both send the same bytes."""
        with Ours(self) as ours, socket.create_connection(("127.0.0.1", ours.port)) as visitor:
            visitor.sendall(f"GET {self.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: visitor.recv(1 << 16), b""))
        (self.folder / "www").mkdir()
        (self.folder / "www" / self.path[1:]).write_bytes(answer.split(b"\r\n\r\n", 1)[1])

    @contextlib.contextmanager
    def nginx(self):
        plain, tls = free_port(), free_port()
        temp = "\n".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(f"""
            daemon off; worker_processes 2; worker_rlimit_nofile 4096;
            pid {self.folder}/nginx.pid; error_log {self.folder}/error.log;
            events {{ worker_connections 2048; }}
            http {{
                {temp}
                access_log {self.folder}/access.log combined; default_type text/html;
                sendfile on; tcp_nopush on; keepalive_requests 1000000000;
                ssl_certificate {self.folder}/chain.pem; ssl_certificate_key {self.folder}/key.pem;
                ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; ssl_session_tickets off;
                server {{
                    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
                    root {self.folder}/www;
                }}
            }}""")
        words = ["nginx", "-c", self.folder / "nginx.conf", "-p", self.folder, "-e", self.folder / "error.log"]
        if os.geteuid() == 0:
            # Its workers are nobody's, and must reach the page.
            self.folder.chmod(0o755)
        with process(words) as child:
            until_it_listens(plain, child)
            yield plain, tls
        (self.folder / "access.log").unlink()

    def http(self, name, scheme, connections, closes, goal):
        """Two rows: how many requests a second, and how slow the slowest hundredth is."""
        pairs, lost = [], 0
        for _ in range(self.rounds):
            with self.nginx() as (plain, tls):
                port = tls if scheme == "https" else plain
                theirs = Wrk(f"{scheme}://127.0.0.1:{port}{self.path}", self.seconds, connections, closes)
            with Ours(self) as us:
                ours = Wrk(f"{scheme}://127.0.0.1:{us.port}{self.path}", self.seconds, connections, closes)
            lost += max(ours.answered - us.kept.get("http", 0), 0) + us.missed
            pairs.append((ours, theirs))
        note = f"{lost} not in the store" if lost else ""
        self.pairs(f"{name}, requests/s", [(o.rate, t.rate) for o, t in pairs], goal, lost == 0, note)
        self.pairs(f"{name}, 99th percentile ms", [(o.slow, t.slow) for o, t in pairs], "<= 2 x", lost == 0, "")

    def pairs(self, name, pairs, goal, well, note):
        ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        self.row(name, ours, theirs, ratio, goal, well and met(ratio, goal), note)

    @contextlib.contextmanager
    def knotd(self):
        port, folder = free_port(), self.folder / "knot"
        folder.mkdir(exist_ok=True)
        (folder / "zone").write_text(f"""$ORIGIN {ZONE}.
@ 3600 SOA ns hostmaster 1 7200 3600 1209600 30
@ 3600 NS ns
ns 3600 A 127.0.0.1
* 30 A 127.0.0.1
""")
        (folder / "knot.conf").write_text(f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 2
    tcp-workers: 1
log:
  - target: stderr
    any: error
database:
    storage: "{folder}"
zone:
  - domain: {ZONE}
    file: "{folder}/zone"
    storage: "{folder}"
""")
        with process(["knotd", "-c", folder / "knot.conf"], stderr=subprocess.DEVNULL) as child:
            until_it_listens(port, child)
            yield port

    def dns(self):
        dice, names, pairs, lost = random.Random(2), self.folder / "queries", [], 0
        kinds = ["A", "A", "AAAA", "TXT"]
        names.write_text("".join(f"{token}.{ZONE} {dice.choice(kinds)}\n"
                                 for token in itertools.islice(tokens(), 50_000)))
        ask = ["dnsperf", "-W", "-s", "127.0.0.1", "-d", names, "-l", str(self.seconds), "-c", "16", "-q", "1000", "-p"]
        for _ in range(self.rounds):
            with self.knotd() as port:
                theirs = run([*ask, str(port)])
            with Ours(self, "--zone", ZONE) as us:
                ours = run([*ask, str(us.dns)])
            sent, _ = asked_and_rate(ours)
            lost += max(sent - us.kept.get("dns", 0) - us.missed, 0)
            pairs.append((asked_and_rate(ours)[1], asked_and_rate(theirs)[1]))
        note = f"{lost} neither in the store nor in a gap" if lost else ""
        self.pairs("DNS over UDP, queries/s (knotd)", pairs, ">= 0.6 x", lost == 0, note)

    def memory(self):
        with contextlib.ExitStack() as stack, Ours(self) as us:
            idle = [stack.enter_context(socket.create_connection(("127.0.0.1", us.port))) for _ in range(self.idle)]
            wrk = Wrk(f"http://127.0.0.1:{us.port}{self.path}", self.seconds, 256, False)
            # One more is served beside them, and none of them was turned away.
            held = sum(is_held(one) for one in idle)
            most = us.memory()
        well = held == len(idle) and us.missed == 0 and us.kept.get("http", 0) >= wrk.answered
        note = "" if well else f"{held} held, {us.missed} missed"
        name = f"memory, {self.idle} idle and full load, MiB"
        self.row(name, most, 128, most / 128, "<= 128 MiB", well and most <= 128, note)

    def spread(self):
        """One canary hit often, against many canaries hit once."""
        files = [self.folder / "one", self.folder / "many"]
        files[0].write_text("http://127.0.0.1" + self.path + "\n")
        with files[1].open("w") as many:
            many.writelines(f"http://127.0.0.1/{token}\n" for token in itertools.islice(tokens(), self.hits))
        one, many = (self.cost(file) for file in files)
        self.row(f"{self.hits} canaries once / one as often, us a hit", many * 1e6, one * 1e6, many / one, "<= 1.3 x",
                 many / one <= 1.3)

    def cost(self, file):
        with Ours(self) as us:
            before = us.cpu()
            run(["h2load", "--h1", "-B", f"http://127.0.0.1:{us.port}", "-n", str(self.hits), "-c", "64", "-i", file])
            cost = (us.cpu() - before) / self.hits
        if us.missed or us.kept.get("http", 0) < self.hits:
            sys.exit(f"bench: of {self.hits} hits {us.kept} were kept, {us.missed} missed")
        return cost


    def judging(self):
        """A run of many hits, judged from its evidence file: against ten times fewer, and against a digest of the file."""
        small, large = (Judged(self, hits) for hits in (self.judged // 10, self.judged))
        name = f"judging {self.judged} hits / a tenth"
        self.row(f"{name}, s", large.seconds, small.seconds, large.seconds / small.seconds, "<= 11 x",
                 large.seconds / small.seconds <= 11, "")
        self.row(f"{name}, MiB", large.memory, small.memory, large.memory / small.memory, "<= 11 x",
                 large.memory / small.memory <= 11, "")
        self.row(f"judging {large.megabytes:.0f} MB / sha256sum, s", large.seconds, large.digest,
                 large.seconds / large.digest, "<= 5 x", large.seconds / large.digest <= 5, "")

    def history(self):
        """A service over many nightly runs: opened again, against ten times fewer; for the first time, when each is judged; and as
        public pages."""
        small, large = (Nights(self, runs) for runs in (self.runs // 10, self.runs))
        name = f"history of {self.runs} runs"
        self.row(f"{name}, s", large.seconds, 1, large.seconds, "<= 1 s", large.seconds <= 1)
        growth = large.seconds / small.seconds
        self.row(f"{name} / a tenth, s", large.seconds, small.seconds, growth, "<= 11 x", growth <= 11)
        growth = large.first / small.first
        self.row(f"{name} judged / a tenth, s", large.first, small.first, growth, "<= 11 x", growth <= 11)
        name = f"site of {self.runs} runs"
        self.row(f"{name}, s", large.site, 60, large.site / 60, "<= 1 x", large.site <= 60)
        growth = large.site / small.site
        self.row(f"{name} / a tenth, s", large.site, small.site, growth, "<= 11 x", growth <= 11)


class Nights:
    """What it takes to show a service over so many runs, for the first time and after that, and to make public pages of it."""

    def __init__(self, bench, runs):
        store = bench.folder / f"{runs}.db"
        words = [bench.waxseal, "serve", "--log-level", "warn", "--store", store, "--listen", "127.0.0.1:0"]
        with process(words, stdout=subprocess.PIPE, text=True) as child:
            child.stdout.readline()
        with contextlib.closing(sqlite3.connect(store)) as made, made:
            last = made.execute("SELECT COALESCE(MAX(seq), 0) FROM record").fetchone()[0]
            made.executemany("INSERT INTO record (run, at, body, digest) VALUES (?, '', ?, x'')", nights(runs, last))
        shown = [bench.waxseal, "history", "bench", "--store", store]
        self.first = timed(shown, [])
        self.seconds = statistics.median(timed(shown, []) for _ in range(bench.rounds))
        with tempfile.TemporaryDirectory(dir=bench.folder) as pages:
            self.site = timed([bench.waxseal, "site", pages, "--store", store], [])
        for file in bench.folder.glob(f"{runs}.db*"):
            file.unlink()


def nights(runs, last):
    """The records of so many sound runs: eight questions of four trials, some of whose links the service fetches."""
    forms = ["http", "https", "query-secret", "image", "redirect-301", "large", "script", "pdf"]
    start = datetime.datetime(2000, 1, 1, 3, tzinfo=datetime.timezone.utc)
    write = json.JSONEncoder(separators=(",", ":")).encode
    for night in range(runs):
        run = f"{night + 1:08x}"
        at = lambda seconds: f"{start + datetime.timedelta(days=night, seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
        ways = ["sender", "recipient", "auditor", "auditor"]
        trials = [{"id": nth, "variant": "default", "arm": "reached", "form": "http", "via": via}
                  for nth, via in enumerate(ways)]
        for form in forms:
            trials += [{"id": len(trials) + nth, "variant": "default", "arm": arm, "form": form}
                       for nth, arm in enumerate(["sent"] * 4 + ["unsent"])]

        def hit(trial, seconds, door, peer, agent):
            token = {"run": run, "trial": trial["id"], "arm": trial["arm"], "form": trial["form"], "part": "link"}
            return {"record": "hit", "received": at(seconds), "door": door, "peer": peer,
                    "kind": {"kind": "http", "method": "GET", "target": "/" + "a" * 45, "version": "HTTP/1.1", "tls": False,
                             "headers": [["Host", "127.0.0.1:8080"], ["User-Agent", agent]]},
                    "recognition": {"class": "intact",
                                    "matches": [{"place": "path", "class": "intact", "token": token}]}}

        records = [{"record": "manifest", "started": at(0), "tool": {"name": "waxseal", "version": "0.1.0"},
                    "scenario": {"path": "bench.toml", "digest": "00" * 32, "service": "bench", "title": "Bench",
                                 "checked": "2026-11-23", "networks": ["198.51.100.0/24"], "agents": ["ExampleBot"]},
                    "seed": 7, "window": {"secs": 30, "nanos": 0}, "sealed": True, "public": "http://127.0.0.1:8080",
                    "auditor": "00c0ffee", "browser": "chrome", "variants": [{"name": "default", "title": ""}],
                    "trials": trials, "expectations": []}]
        for trial in trials:
            when = 900 if trial["id"] == 3 else 1 + trial["id"]
            if trial["arm"] == "reached":
                via = trial["via"]
                door = {"kind": "public"} if via == "auditor" else {"kind": "browser", "account": via, "sealed": True}
                records.append({"record": "probe", "trial": trial["id"], "from": at(when), "to": at(when + 1)})
                records.append(hit(trial, when, door, "127.0.0.1:5000", "00c0ffee"))
            elif trial["arm"] == "sent":
                for phase in ("compose", "send"):
                    records.append({"record": "exposure", "trial": trial["id"], "phase": phase, "from": at(when),
                                    "to": at(when)})
                for phase in ("confirm", "receive"):
                    records.append({"record": "notice", "trial": trial["id"], "phase": phase, "at": at(when + 1)})
                if trial["form"] in forms[: 2 + 2 * (2 * night // runs)]:
                    records.append(hit(trial, when + 1, {"kind": "public"}, "198.51.100.7:40000", "ExampleBot/1.0"))
                    answered = last + len(records)
                    records.append({"record": "answer", "hit": answered, "at": at(when + 1), "status": 200,
                                    "body_bytes": 915, "of": 915})
        records.append({"record": "end", "at": at(1000), "interrupted": False, "clock_drift_ms": 0})
        last += len(records)
        yield from ((run, write(record)) for record in records)


class Judged:
    """What it takes to judge a file of so many hits, on ten times fewer canaries."""

    def __init__(self, bench, hits):
        file, times, digests, memory = bench.folder / f"{hits}.jsonl", [], [], []
        write_evidence(file, hits)
        for _ in range(bench.rounds):
            times.append(timed([bench.waxseal, "judge", file, "--report", "json=/dev/null"], memory))
            digests.append(timed(["sha256sum", file], []))
        self.seconds, self.digest = statistics.median(times), statistics.median(digests)
        self.megabytes, self.memory = file.stat().st_size / 1e6, max(memory)
        file.unlink()


def timed(words, memory):
    """Seconds that a program takes; its largest memory in MiB goes to the list."""
    start = time.monotonic()
    pid = os.posix_spawnp(words[0], [str(word) for word in words], os.environ,
                          file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1, 3):
        sys.exit(f"bench: {words} ended with {os.waitstatus_to_exitcode(status)}")
    memory.append(usage.ru_maxrss / 1024)
    return time.monotonic() - start


def write_evidence(path, hits):
    """An evidence file (see src/store/file/mod.rs): ten hits on each canary, a fifth of them by the service."""
    canaries, before, seq = hits // 10, None, 0
    start = datetime.datetime(2026, 11, 23, 10, tzinfo=datetime.timezone.utc)
    at = lambda seconds: (start + datetime.timedelta(seconds=seconds)).isoformat(timespec="milliseconds")[:-6] + "Z"
    token = lambda trial, part: {"run": "5f3a0001", "trial": trial, "arm": "sent", "form": "http", "part": part}
    found = lambda trial, part: {"class": "intact",
                                 "matches": [{"place": "path", "class": "intact", "token": token(trial, part)}]}
    agents = ["ExampleBot/1.0 (+https://example.org/bot)", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"]

    def records():
        yield {"record": "manifest", "started": at(0), "tool": {"name": "waxseal", "version": "0.1.0"},
               "scenario": {"path": "bench.toml", "digest": "00" * 32, "service": "bench", "title": "Bench",
                            "checked": "2026-11-23", "networks": ["198.51.100.0/24"], "agents": ["ExampleBot"]},
               "seed": 7, "window": {"secs": 30, "nanos": 0}, "sealed": True, "public": "http://127.0.0.1:8080",
               "auditor": "00c0ffee", "browser": "chrome", "variants": [{"name": "default", "title": ""}],
               "trials": [{"id": trial, "variant": "default", "arm": "sent", "form": "http"}
                          for trial in range(canaries)], "expectations": []}
        for trial in range(canaries):
            for phase, after in (("compose", 0), ("send", 0.5)):
                yield {"record": "exposure", "trial": trial, "phase": phase, "from": at(10 + trial / 100 + after),
                       "to": at(10 + trial / 100 + after + 0.05)}
            for phase in ("confirm", "receive"):
                yield {"record": "notice", "trial": trial, "phase": phase, "at": at(10 + trial / 100 + 0.7)}
            for nth in range(10):
                ours, when = nth < 2, at(10 + trial / 100 + 0.6 + nth)
                part = ("link", "image", "style")[nth % 3]
                yield {"record": "hit", "received": when, "door": {"kind": "public"},
                       "peer": f"{'198.51.100' if ours else '192.0.2'}.{nth + 1}:{40000 + nth}",
                       "kind": {"kind": "http", "method": "GET", "target": "/" + "a" * 45, "version": "HTTP/1.1",
                                "tls": False, "headers": [["Host", "127.0.0.1:8080"], ["User-Agent", agents[nth % 2]],
                                                          ["Accept", "*/*"], ["Accept-Encoding", "gzip, deflate"]]},
                       "recognition": found(trial, part)}
                yield {"record": "answer", "hit": seq, "at": when, "status": 200, "body_bytes": 915, "of": 915}
        yield {"record": "end", "at": at(100 + canaries / 100), "interrupted": False, "clock_drift_ms": 0}

    write = json.JSONEncoder(separators=(",", ":")).encode
    with path.open("wb") as file:
        line = write({"waxseal_evidence": 1, "run": "5f3a0001"}).encode()
        file.write(line + b"\n")
        for record in records():
            seq += 1
            line = write({"before": hashlib.sha256(line).hexdigest(), "seq": seq, "record": record}).encode()
            file.write(line + b"\n")
        line = write({"before": hashlib.sha256(line).hexdigest(), "records": seq}).encode()
        file.write(line + b"\n")


def asked_and_rate(out):
    asked = int(re.search(r"Queries sent:\s+(\d+)", out)[1])
    return asked, float(re.search(r"Queries per second:\s+([\d.]+)", out)[1])


def is_held(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def met(ratio, goal):
    least = float(re.search(r"[\d.]+", goal)[0])
    return ratio >= least if goal.startswith(">=") else ratio <= least


def main():
    words = argparse.ArgumentParser(prog="ci/bench", description=__doc__.split("\n")[0])
    words.add_argument("--waxseal", required=True, help=argparse.SUPPRESS)
    words.add_argument("--seconds", type=int, default=3, help="length of a round (default 3)")
    words.add_argument("--rounds", type=int, default=3, help="rounds of each side in each row (default 3)")
    words.add_argument("--hits", type=int, default=200_000, help="hits on one canary, and canaries hit once")
    words.add_argument("--judged", type=int, default=1_000_000, help="hits that are judged from an evidence file")
    words.add_argument("--runs", type=int, default=10_000, help="runs of a service whose history is shown")
    words.add_argument("--idle", type=int, default=10_000, help="idle connections")
    words.add_argument("--only", metavar="ROW", nargs="+", choices=ROWS, default=ROWS, help="only: " + ", ".join(ROWS))
    asked = words.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 2 * asked.idle:
        print(f"bench: a process may open {hard} files here, too few for {asked.idle} idle connections", flush=True)
    with tempfile.TemporaryDirectory(prefix="waxseal-bench-") as folder:
        bench = Bench(asked, Path(folder))
        bench.certificate()
        bench.page()
        rows = {
            "keep": lambda: bench.http("keep-alive, 256 connections", "http", 256, False, ">= 1.0 x"),
            "new": lambda: bench.http("a connection per request", "http", 256, True, ">= 0.9 x"),
            "https": lambda: bench.http("HTTPS, a handshake per request", "https", 64, True, ">= 0.9 x"),
            "dns": bench.dns,
            "memory": bench.memory,
            "spread": bench.spread,
            "judging": bench.judging,
            "history": bench.history,
        }
        print(f"{'':<44} {'ours':>11} {'theirs':>11} {'ratio':>7}   {'goal':<11} met", flush=True)
        for name, measure in rows.items():
            if name in asked.only:
                measure()
        for row in bench.rows:
            if not row["met"] and row["name"] in TRIED:
                row.setdefault("note", TRIED[row["name"]])
                print(f"\n{row['name']}: {TRIED[row['name']]}")
        target = Path("target/bench.json")
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps({"rows": bench.rows}, indent=2) + "\n")
    print("\nwritten to target/bench.json;", sum(row["met"] for row in bench.rows), "of", len(bench.rows), "goals met")


if __name__ == "__main__":
    # A bench that is stopped ends its servers as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
