-- A provider that reads what its users send, and comes for the links by a known programme:
--
--   linkfetch = { method = "HEAD", "GET" or "DNS" (a look-up and no more); without one nothing is done
--                 schemes = { "https" }    only links with one of these schemes
--                 one_in = 2               only every second link, counted from the first that is sent
--                 delay = 5                so many seconds after the message
--                 insecure = true          whatever the certificate is
--                 lose = true }            messages with such links go no further, and nobody is told
--
-- It sees the body of a message, as a server does: of an encrypted one, only the text that stands in for it.
local http = require "net.http";
local adns = require "net.adns";

-- The methods that are no HTTP.
local look_up = { DNS = true };

-- How many links with a wanted scheme there were.
local counted = 0;

local function chosen(url, programme)
	local scheme = url:match("^%a+");
	for _, wanted in ipairs(programme.schemes or { scheme }) do
		if scheme == wanted then
			counted = counted + 1;
			return counted % (programme.one_in or 1) == 0;
		end
	end
	return false;
end

local function visit(url, programme)
	module:log("info", "%s %s", programme.method, url);
	if look_up[programme.method] then
		local host = url:match("^%a+://([^/:?#]+)");
		adns.resolver():lookup(function (answer) module:log("info", "%s is %s", host, answer); end, host, "A", "IN");
	else
		http.request(url, { method = programme.method, insecure = programme.insecure }, function (body, code)
			module:log("info", "%s %s: %s, %d bytes", programme.method, url, code, #(body or ""));
		end);
	end
end

local function on_message(event)
	-- Read anew for each message, so that a reloaded configuration counts at once.
	local programme = module:get_option("linkfetch", {});
	local body = event.stanza:get_child_text("body");
	if not programme.method or not body then return; end
	local lost;
	for url in body:gmatch("https?://[^%s<>\"]+") do
		url = url:gsub("[%)%]%.,;:!?']+$", "");
		if chosen(url, programme) then
			module:add_timer(programme.delay or 0, function () visit(url, programme); end);
			lost = programme.lose;
		end
	end
	-- Anything but nil ends what is done with a message.
	if lost then return true; end
end

-- These fire for what our own users send, so each message counts once.
module:hook("pre-message/bare", on_message, 10);
module:hook("pre-message/full", on_message, 10);
