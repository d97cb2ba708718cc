//! What keeps a Firefox quiet, and how it is led to its door.
//!
//! geckodriver and Firefox itself switch much off as soon as a browser is driven; what they leave, or may leave one day,
//! is here.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Preference::{self, Number, Off, On, Text};
use super::as_json;
use crate::browser::DoorRule;
use crate::browser::door::script;

/// Preferences, and why.
const PREFERENCES: &[(&str, Preference, &str)] = &[
    ("app.normandy.enabled", Off, "fetches studies"),
    ("app.update.auto", Off, "fetches itself"),
    (
        "browser.discovery.enabled",
        Off,
        "fetches advice on extensions",
    ),
    (
        "browser.aboutHomeSnippets.updateUrl",
        Text(""),
        "fetches news",
    ),
    (
        "browser.newtabpage.enabled",
        Off,
        "fetches news, and pictures of sites",
    ),
    (
        "browser.newtabpage.activity-stream.feeds.telemetry",
        Off,
        "usage statistics",
    ),
    (
        "browser.newtabpage.activity-stream.telemetry",
        Off,
        "the same",
    ),
    ("browser.ping-centre.telemetry", Off, "the same"),
    ("toolkit.telemetry.enabled", Off, "the same"),
    ("toolkit.telemetry.unified", Off, "the same"),
    ("toolkit.telemetry.server", Text(""), "the same"),
    (
        "datareporting.policy.dataSubmissionEnabled",
        Off,
        "the same",
    ),
    ("datareporting.healthreport.uploadEnabled", Off, "the same"),
    ("datareporting.usage.uploadEnabled", Off, "the same"),
    (
        "browser.sessionhistory.max_total_viewers",
        Number(0),
        "a page that was left would live on, and be handed what comes while its account is away",
    ),
    (
        "browser.region.network.url",
        Text(""),
        "asks in which country it is",
    ),
    ("browser.region.update.enabled", Off, "the same"),
    (
        "geo.enabled",
        Off,
        "asks where it is, and a prompt over the page",
    ),
    (
        "browser.safebrowsing.malware.enabled",
        Off,
        "fetches lists, and sends parts of addresses",
    ),
    ("browser.safebrowsing.phishing.enabled", Off, "the same"),
    ("browser.safebrowsing.blockedURIs.enabled", Off, "the same"),
    ("browser.safebrowsing.downloads.enabled", Off, "the same"),
    (
        "browser.safebrowsing.downloads.remote.enabled",
        Off,
        "sends whole addresses",
    ),
    (
        "browser.safebrowsing.provider.google.updateURL",
        Text(""),
        "see above",
    ),
    (
        "browser.safebrowsing.provider.google4.updateURL",
        Text(""),
        "see above",
    ),
    (
        "browser.safebrowsing.provider.google5.updateURL",
        Text(""),
        "see above",
    ),
    (
        "browser.safebrowsing.provider.mozilla.updateURL",
        Text(""),
        "lists of trackers",
    ),
    (
        "browser.safebrowsing.provider.mozilla.gethashURL",
        Text(""),
        "the same",
    ),
    (
        "privacy.trackingprotection.enabled",
        Off,
        "lists of trackers decide what a page may load",
    ),
    (
        "browser.contentblocking.category",
        Text("custom"),
        "the same",
    ),
    (
        "services.settings.server",
        Text("data:,#remote-settings-dummy/v1"),
        "fetches settings and lists",
    ),
    (
        "security.remote_settings.crlite_filters.enabled",
        Off,
        "fetches lists of certificates",
    ),
    (
        "security.OCSP.enabled",
        Number(0),
        "asks an authority about its certificate",
    ),
    (
        "network.captive-portal-service.enabled",
        Off,
        "asks a page whether there is a network",
    ),
    ("network.connectivity-service.enabled", Off, "the same"),
    (
        "network.prefetch-next",
        Off,
        "loads pages before anybody asks for them",
    ),
    (
        "network.dns.disablePrefetch",
        On,
        "looks up hosts of links on a page",
    ),
    ("network.dns.disablePrefetchFromHTTPS", On, "the same"),
    (
        "network.predictor.enabled",
        Off,
        "connects to hosts of links on a page",
    ),
    (
        "network.http.speculative-parallel-limit",
        Number(0),
        "connects before anybody asks",
    ),
    ("browser.places.speculativeConnect.enabled", Off, "the same"),
    ("browser.urlbar.speculativeConnect.enabled", Off, "the same"),
    (
        "browser.urlbar.quicksuggest.enabled",
        Off,
        "fetches suggestions",
    ),
    ("browser.search.suggest.enabled", Off, "sends what is typed"),
    ("browser.search.update", Off, "fetches search engines"),
    (
        "browser.send_pings",
        Off,
        "hyperlink auditing tells third parties what was clicked",
    ),
    (
        "browser.translations.enable",
        Off,
        "fetches models, and shows a panel over the page",
    ),
    ("browser.ml.enable", Off, "fetches models"),
    (
        "browser.tabs.remote.separatePrivilegedMozillaWebContentProcess",
        Off,
        "one process less",
    ),
    (
        "network.trr.mode",
        Number(5),
        "look-ups must be those of the machine, and not go to a third party over HTTPS",
    ),
    (
        "network.http.request.max-attempts",
        Number(2),
        "what a door refused would be asked for again and again; once is for connections that went stale",
    ),
    (
        "network.http.http3.enable",
        Off,
        "doors and collector speak TCP",
    ),
    (
        "dom.security.https_only_mode",
        Off,
        "an http link must be asked for over http, as it was written",
    ),
    ("dom.security.https_first", Off, "the same"),
    ("dom.security.https_first_schemeless", Off, "the same"),
    (
        "network.lna.enabled",
        Off,
        "a door is on this machine, and a page elsewhere would ask a person whether it may go there",
    ),
    (
        "dom.push.enabled",
        Off,
        "keeps a connection to a third party",
    ),
    ("dom.push.connection.enabled", Off, "the same"),
    (
        "permissions.default.desktop-notification",
        Number(2),
        "a prompt over the page",
    ),
    (
        "identity.fxaccounts.enabled",
        Off,
        "the profile is nobody else's business",
    ),
    (
        "extensions.getAddons.cache.enabled",
        Off,
        "asks about extensions",
    ),
    (
        "extensions.systemAddon.update.enabled",
        Off,
        "fetches extensions",
    ),
    ("extensions.blocklist.enabled", Off, "fetches lists"),
    (
        "extensions.formautofill.addresses.enabled",
        Off,
        "fills in what no step typed",
    ),
    (
        "extensions.formautofill.creditCards.enabled",
        Off,
        "the same",
    ),
    ("signon.rememberSignons", Off, "a panel over the page"),
    (
        "signon.management.page.breach-alerts.enabled",
        Off,
        "fetches lists",
    ),
    ("media.gmp-manager.updateEnabled", Off, "fetches decoders"),
    ("media.gmp-manager.url", Text(""), "the same"),
    (
        "layout.spellcheckDefault",
        Number(0),
        "fetches nothing, but underlines what is typed",
    ),
    (
        "intl.accept_languages",
        Text("en-US,en"),
        "labels in scenarios are English",
    ),
    ("intl.locale.requested", Text("en-US"), "the same"),
    (
        "network.proxy.type",
        Number(2),
        "a script leads to the door, and all else straight to where it is",
    ),
    (
        "network.proxy.allow_hijacking_localhost",
        On,
        "links in a laboratory lead to this machine",
    ),
    (
        "network.proxy.failover_direct",
        Off,
        "what a door does not take must not go elsewhere",
    ),
    (
        "network.proxy.socks_remote_dns",
        On,
        "the names of links are asked for by nobody",
    ),
    ("network.proxy.socks5_remote_dns", On, "the same"),
];

/// Where the script is that chooses the proxy.
const SCRIPT: &str = "network.proxy.autoconfig_url";

/// Hosts that are no page's business, and that Firefox asks whatever it was told.
const NOWHERE: &[(&str, &str)] = &[
    (
        "firefox.settings.services.mozilla.com",
        "settings and lists, see the preference",
    ),
    ("firefox-settings-attachments.cdn.mozilla.net", "the same"),
    ("content-signature-2.cdn.mozilla.net", "the same"),
    ("location.services.mozilla.com", "in which country it is"),
    ("shavar.services.mozilla.com", "lists of trackers"),
    ("tracking-protection.cdn.mozilla.net", "the same"),
    ("push.services.mozilla.com", "see the preference"),
    ("contile.services.mozilla.com", "advertisements"),
    ("merino.services.mozilla.com", "suggestions"),
    ("normandy.cdn.mozilla.net", "studies"),
    ("incoming.telemetry.mozilla.org", "usage statistics"),
    ("aus5.mozilla.org", "Firefox and its decoders"),
    ("services.addons.mozilla.org", "extensions"),
    ("versioncheck.addons.mozilla.org", "the same"),
    ("detectportal.firefox.com", "whether there is a network"),
    ("safebrowsing.googleapis.com", "see the preference"),
];

/// Preferences of the profile, as geckodriver takes them.
pub(in crate::browser) fn preferences(door: Option<&DoorRule>) -> Value {
    let mut all = as_json(PREFERENCES);
    let script = script(NOWHERE.iter().map(|(host, _why)| *host), door);
    let script = utf8_percent_encode(&script, NON_ALPHANUMERIC);
    all.insert(SCRIPT.to_owned(), json!(format!("data:,{script}")));
    all.into()
}

/// Firefox's arguments for one browser.
pub(in crate::browser) fn arguments(headed: bool) -> Vec<String> {
    // Messengers fold their columns in smaller windows.
    let size = ["-width", "1280", "-height", "900"];
    let hidden = (!headed).then_some("-headless");
    size.into_iter().chain(hidden).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_led_to_by_a_script() {
        let door = DoorRule {
            from: "*.canary.example".into(),
            to: std::net::SocketAddr::from(([127, 0, 0, 1], 9102)),
        };
        let led = preferences(Some(&door));
        let script = led[SCRIPT].as_str().unwrap();
        assert!(script.starts_with("data:,function%20FindProxyForURL"));
        assert!(script.contains("9102") && script.contains("aus5"));
        assert_eq!(led["network.proxy.type"], json!(2));
        let free = preferences(None);
        assert!(!free[SCRIPT].as_str().unwrap().contains("SOCKS5"));
        assert_eq!(free["network.trr.mode"], json!(5));
    }
}
