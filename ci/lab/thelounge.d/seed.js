// seed.js APP HOME WEBPORT IRCPORT ADDRESS PREFETCH STORAGE WITHOUT_THUMBNAILS   (passwords on stdin)
//
// Writes one instance's empty state into HOME: The Lounge's configuration, the
// accounts alice and bob, and the configuration of the instance's own ngircd.
//
// The account files are written here and not by `thelounge add`: that command
// exits 0 even when it failed, takes a second per account, and cannot give the
// account its network. An account that has one joins IRC when the server starts,
// so no browser has to go through the connect form.
"use strict";
const fs = require("fs");
const path = require("path");
const { randomUUID } = require("crypto");

const [app, home, web, irc, address, prefetch, storage, bare] = process.argv.slice(2);
const bcrypt = require(path.join(app, "node_modules/bcryptjs"));
const passwords = fs.readFileSync(0, "utf8").trim().split(/\s+/);

const config = {
	public: false,
	host: "127.0.0.1",
	port: Number(web),
	// Source address of all that the server fetches: tells the provider's
	// requests from the browsers' (127.0.0.1) without looking at headers.
	bind: address,
	prefetch: prefetch === "true",
	prefetchStorage: storage === "true",
	disableMediaPreview: bare === "true",
	messageStorage: [],
	leaveMessage: "",
};
fs.mkdirSync(path.join(home, "users"), { recursive: true, mode: 0o700 });
fs.writeFileSync(
	path.join(home, "config.js"),
	`"use strict";\nmodule.exports = ${JSON.stringify(config, null, "\t")};\n`
);

["alice", "bob"].forEach((user, i) => {
	const account = {
		// 11 rounds: with another number the server hashes anew at the first login.
		password: bcrypt.hashSync(passwords[i], 11),
		log: false,
		networks: [
			{
				uuid: randomUUID(),
				name: "Lab",
				host: "127.0.0.1",
				port: Number(irc),
				tls: false,
				rejectUnauthorized: false,
				nick: user,
				username: user,
				realname: user,
				password: "",
				commands: [],
				ignoreList: [],
				channels: [{ name: "#lab", muted: false, key: "" }],
			},
		],
	};
	fs.writeFileSync(path.join(home, "users", `${user}.json`), JSON.stringify(account), {
		mode: 0o600,
	});
});

// MaxPenaltyTime 0: otherwise ngircd delays a client's first commands, and a
// message can leave before the receiver has joined.
fs.writeFileSync(
	path.join(home, "ngircd.conf"),
	`[Global]
Name = irc.lab.test
Info = lab
Listen = 127.0.0.1
Ports = ${irc}
MotdPhrase = "lab"
PidFile =
[Limits]
ConnectRetry = 60
MaxConnections = 0
MaxConnectionsIP = 0
MaxNickLength = 16
PingTimeout = 120
PongTimeout = 20
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
OperCanUseMode = no
[Channel]
Name = #lab
Topic = lab
`
);
