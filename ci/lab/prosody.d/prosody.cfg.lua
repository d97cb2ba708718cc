-- One process serves XMPP over a web socket, and the page of the web client. ci/lab/prosody adds the programme of an
-- instance, and starts it with LAB_HOME and LAB_PORT in its environment.
network_backend = "epoll"
data_path = ENV_LAB_HOME .. "/data"
plugin_paths = { ENV_LAB_HOME .. "/modules" }
log = { debug = "*console" }

interfaces = { "127.0.0.1" }
http_interfaces = { "127.0.0.1" }
http_ports = { tonumber(ENV_LAB_PORT) }
https_ports = { }
c2s_ports = { }
s2s_ports = { }

-- Without TLS, because nothing leaves the machine and the page is on loopback.
consider_websocket_secure = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = false
authentication = "internal_plain"
storage = "internal"

http_default_host = "localhost"
http_files_dir = ENV_LAB_HOME .. "/web"
http_paths = { files = "/" }

-- Converse does not open a conversation if all of vcard_legacy, blocklist, bookmarks and groups are missing.
modules_enabled = {
	"roster", "saslauth", "disco", "private", "vcard4", "vcard_legacy", "blocklist", "bookmarks", "groups",
	"carbons", "pep", "mam", "ping", "websocket", "http_files", "csi", "linkfetch",
}
-- What is sent while nobody is there comes from the archive. With "offline", which Prosody loads unasked, it would come from
-- two sides at once, and Converse now and then decrypts the one and the other, and fails.
modules_disabled = { "s2s", "tls", "offline" }
groups_file = ENV_LAB_HOME .. "/groups.txt"

VirtualHost "localhost"
