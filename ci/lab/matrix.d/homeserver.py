"""What ci/lab/matrix cannot do in bash: Synapse's settings, and the people on it. Standard library only.

homeserver.py configure INSTANCE PORT HOME              writes HOME/homeserver.yaml and what it names
homeserver.py people INSTANCE PORT HOME PASSWORDS       makes accounts, rooms and settings, on a server that runs
"""
import base64
import hashlib
import hmac
import http.client
import json
import secrets
import sys
from pathlib import Path
from urllib.parse import quote

SERVER = "lab.localhost"
V3 = "/_matrix/client/v3"

# Where Synapse may not go for a preview. Its advice for a homeserver on the internet, as far as it matters here: all
# addresses of a laboratory are in it.
PRIVATE = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "198.18.0.0/15", "::1/128"]
# Something must be said when previews are on.
ANYWHERE = ["192.0.2.0/24"]

PREVIEWS = {
    "off": {"url_preview_enabled": False},
    "on": {"url_preview_enabled": True, "url_preview_ip_range_blacklist": ANYWHERE},
    "blocked": {"url_preview_enabled": True, "url_preview_ip_range_blacklist": PRIVATE},
    "page-only": {
        "url_preview_enabled": True,
        "url_preview_ip_range_blacklist": ANYWHERE,
        "url_preview_url_blacklist": [{"path": "*.png"}],
    },
}
PREVIEWS["trusting"] = PREVIEWS["on"]

# One instance has them all, and the others the first one.
ROOMS = ["plain", "plain-2", "room-off", "accounts-off", "secret", "secret-alice", "secret-bob"]
WITH_ALL_ROOMS = "on"


def settings(instance, port, home):
    often = {"per_second": 1000, "burst_count": 1000}
    return {
        "server_name": SERVER,
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "listeners": [{
            "port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": False, "x_forwarded": False,
            "resources": [{"names": ["client"], "compress": False}],
        }],
        "database": {"name": "sqlite3", "args": {"database": f"{home}/homeserver.db"}},
        "log_config": f"{home}/log.yaml",
        "media_store_path": f"{home}/media",
        "signing_key_path": f"{home}/signing.key",
        "pid_file": f"{home}/homeserver.pid",
        "macaroon_secret_key": secrets.token_hex(),
        "form_secret": secrets.token_hex(),
        "registration_shared_secret_path": f"{home}/registration",
        "enable_registration": False,
        # Nothing of other homeservers, nor to them.
        "federation_domain_whitelist": [],
        "send_federation": False,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "report_stats": False,
        "presence": {"enabled": False},
        # Made up passwords need no slow hash.
        "bcrypt_rounds": 4,
        "rc_login": {key: often for key in ("address", "account", "failed_attempts")},
        "rc_message": often,
        "rc_registration": often,
        "rc_joins": {"local": often},
        **PREVIEWS[instance],
    }


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(name)s %(levelname)s %(request)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "INFO", "handlers": ["console"]},
}


def configure(instance, port, home):
    home = Path(home)
    (home / "media").mkdir()
    # JSON is YAML.
    (home / "homeserver.yaml").write_text(json.dumps(settings(instance, int(port), home), indent=1))
    (home / "log.yaml").write_text(json.dumps(LOGGING))
    key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    for name, text in (("signing.key", f"ed25519 a_lab {key}\n"), ("registration", secrets.token_hex())):
        (home / name).touch(0o600)
        (home / name).write_text(text)


class Homeserver:
    """As much of the client-server API as it takes, on one connection."""

    def __init__(self, port, home):
        self.connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
        self.secret = (Path(home) / "registration").read_text()

    def call(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            sys.exit(f"the homeserver answered {answer.status} to {method} {path}: {text[:200]}")
        return json.loads(text)

    def person(self, name, password):
        return Person(self, name, password)


class Person:
    def __init__(self, server, name, password):
        self.server, self.id = server, f"@{name}:{SERVER}"
        path = "/_synapse/admin/v1/register"
        nonce = server.call("GET", path)["nonce"]
        signed = "\0".join([nonce, name, password, "notadmin"]).encode()
        mac = hmac.new(server.secret.encode(), signed, hashlib.sha1).hexdigest()
        self.token = server.call("POST", path, {
            "nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac,
        })["access_token"]

    def call(self, method, path, body):
        return self.server.call(method, V3 + path, body, self.token)

    def create(self, room, guest, is_secret):
        body = {"name": room, "preset": "trusted_private_chat", "invite": [guest.id], "is_direct": True}
        if is_secret:
            content = {"algorithm": "m.megolm.v1.aes-sha2"}
            body["initial_state"] = [{"type": "m.room.encryption", "state_key": "", "content": content}]
        room = self.call("POST", "/createRoom", body)["room_id"]
        guest.call("POST", f"/join/{quote(room)}", {})
        self.remember("m.direct", {guest.id: [room]})
        guest.remember("m.direct", {self.id: [room]})
        return room

    def remember(self, kind, content, room=None):
        """Account data: of the account, or of it in one room."""
        place = f"/rooms/{quote(room)}" if room else ""
        self.call("PUT", f"/user/{quote(self.id)}{place}/account_data/{kind}", content)


def furnish(name, alice, bob):
    """A room, and what is switched on and off in it: by Element's own settings."""
    room = alice.create(name, bob, name.startswith("secret"))
    if name == "room-off":
        alice.call("PUT", f"/rooms/{quote(room)}/state/org.matrix.room.preview_urls/", {"disable": True})
    if name == "accounts-off":
        for person in (alice, bob):
            person.remember("org.matrix.preview_urls", {"disable": True})
    for person, own in ((alice, "secret-alice"), (bob, "secret-bob")):
        if name == own:
            person.remember("im.vector.web.settings", {"urlPreviewsEnabled_e2ee": True}, room)


def people(instance, port, home, passwords):
    lines = Path(passwords).read_text().split()
    alice, bob = (line.split("=", 1)[1] for line in lines)
    server = Homeserver(port, home)
    for name in ROOMS if instance == WITH_ALL_ROOMS else ROOMS[:1]:
        furnish(name, server.person(f"alice-{name}", alice), server.person(f"bob-{name}", bob))


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    {"configure": configure, "people": people}[verb](*words)
