// Loaded into an instance when WAXSEAL_LAB_DNS is set: names under .example, which nobody has (RFC 2606), are asked of
// that name server, from the address that the instance fetches from. All others are left to the system.
"use strict";

const dns = require("dns");

const resolver = new dns.Resolver();
resolver.setServers([process.env.LAB_DNS]);
resolver.setLocalAddress(process.env.LAB_ADDRESS);

const system = dns.lookup;

dns.lookup = function lookup(name, options, callback) {
	if (typeof options === "function") {
		[options, callback] = [{}, options];
	}

	if (!/\.example\.?$/i.test(name)) {
		return system(name, options, callback);
	}

	resolver.resolve4(name, (error, addresses) => {
		if (error) {
			callback(error);
		} else if (options.all) {
			callback(null, addresses.map((address) => ({address, family: 4})));
		} else {
			callback(null, addresses[0], 4);
		}
	});
};
