//! What keeps a Chromium quiet.

use serde_json::{Value, json};

use super::Preference::{self, List, Number, Off, Text};
use super::as_json;
use crate::browser::DoorRule;
use crate::browser::door::resolver_rule;
use crate::browser::stage::{self, StageRule};

/// Command line flags, and why.
const FLAGS: &[(&str, &str)] = &[
    // Port 9 is one that Chromium never connects to, so these end inside the browser.
    (
        "--component-updater=url-source=http://127.0.0.1:9/",
        "some components are fetched on demand, whatever the next flag says",
    ),
    (
        "--gaia-url=http://127.0.0.1:9",
        "asks accounts.google.com who is signed in, again and again; pages may still go there",
    ),
    (
        "--disable-background-networking",
        "no request that no page asked for",
    ),
    (
        "--disable-client-side-phishing-detection",
        "Safe Browsing reports pages",
    ),
    (
        "--disable-component-update",
        "components are fetched at odd times",
    ),
    (
        "--disable-default-apps",
        "they are fetched on the first start",
    ),
    (
        "--disable-domain-reliability",
        "reports failed requests, those at a refusing door among them",
    ),
    (
        "--disable-auto-reload",
        "a page that a door refused would be asked for again and again",
    ),
    (
        "--disable-back-forward-cache",
        "a page that was left would live on, and be handed what comes while its account is away",
    ),
    ("--disable-quic", "doors and collector speak TCP"),
    ("--disable-sync", "the profile is nobody else's business"),
    ("--disable-breakpad", "crash reports hold addresses"),
    (
        "--disable-search-engine-choice-screen",
        "would stand before the page",
    ),
    ("--no-default-browser-check", "would stand before the page"),
    ("--no-first-run", "would stand before the page"),
    (
        "--no-pings",
        "hyperlink auditing tells third parties what was clicked",
    ),
    ("--metrics-recording-only", "usage statistics stay here"),
    ("--password-store=basic", "a key ring would ask a person"),
    (
        "--disable-gpu",
        "machines without one must behave as those with",
    ),
    ("--lang=en-US", "labels in scenarios are English"),
    (
        "--window-size=1280,900",
        "messengers fold their columns in smaller windows",
    ),
];

/// Features switched off, and why.
const FEATURES: &[(&str, &str)] = &[
    (
        "Translate",
        "asks for languages, and shows a bar over the page",
    ),
    (
        "OptimizationHints",
        "asks a server about the hosts of links on a page",
    ),
    ("OptimizationGuideModelDownloading", "fetches models"),
    ("MediaRouter", "looks for devices in the local network"),
    ("DialMediaRouteProvider", "the same"),
    ("AutofillServerCommunication", "sends the shapes of forms"),
    ("NetworkTimeServiceQuerying", "asks a time server over HTTP"),
    ("CertificateTransparencyComponentUpdater", "fetches lists"),
    ("InterestFeedContentSuggestions", "fetches news"),
    (
        "HttpsUpgrades",
        "an http link must be asked for over http, as it was written",
    ),
    ("HttpsFirstBalancedModeAutoEnable", "the same"),
    ("Prerender2", "loads pages before anybody asks for them"),
    ("SpeculationRulesPrefetchFuture", "the same"),
    ("LensOverlay", "sends pictures of pages"),
];

/// Hosts that are no page's business, and that Chromium asks whatever it was told. Their names lead nowhere, inside the
/// browser already.
const NOWHERE: &[(&str, &str)] = &[
    (
        "*.gvt1.com",
        "a spelling dictionary is fetched at the first word typed, with spell-checking off",
    ),
    ("update.googleapis.com", "components and extensions"),
    ("clients2.google.com", "extensions"),
    ("safebrowsing.googleapis.com", "see the preference"),
    ("optimizationguide-pa.googleapis.com", "see the feature"),
];

/// Chromium's resolver rules: first what leads nowhere, then where the door is, and the stage.
pub(in crate::browser) fn resolver_rules(door: Option<&DoorRule>, staged: &[StageRule]) -> String {
    let nowhere = NOWHERE
        .iter()
        .map(|(host, _why)| format!("MAP {host} ~NOTFOUND"));
    let door = door.map(resolver_rule);
    let stage = stage::resolver_rules(staged);
    let rules: Vec<String> = nowhere.chain(door).chain(stage).collect();
    format!("--host-resolver-rules={}", rules.join(", "))
}

/// Chromium's flags for one browser.
pub(in crate::browser) fn flags(headed: bool) -> Vec<String> {
    let features: Vec<&str> = FEATURES.iter().map(|(name, _)| *name).collect();
    let mut flags: Vec<String> = FLAGS.iter().map(|(flag, _)| (*flag).to_owned()).collect();
    flags.push(format!("--disable-features={}", features.join(",")));
    if !headed {
        flags.push("--headless=new".to_owned());
    }
    if rustix::process::geteuid().is_root() {
        // Chromium refuses to run as root with its sandbox, and everybody else keeps it.
        flags.push("--no-sandbox".to_owned());
    }
    flags
}

/// Preferences of the profile, and why.
const PREFERENCES: &[(&str, Preference, &str)] = &[
    (
        "session.restore_on_startup",
        Number(4),
        "the new tab page is fetched from the search engine; rather open",
    ),
    ("session.startup_urls", List(&["about:blank"]), "this"),
    (
        "safebrowsing.enabled",
        Off,
        "sends parts of addresses to third parties",
    ),
    ("safebrowsing.enhanced", Off, "sends whole addresses"),
    (
        "net.network_prediction_options",
        Number(2),
        "looks up and connects to hosts of links on a page",
    ),
    ("browser.enable_spellchecking", Off, "fetches dictionaries"),
    (
        "spellcheck.use_spelling_service",
        Off,
        "sends what is typed",
    ),
    ("spellcheck.dictionaries", List(&[]), "are fetched"),
    ("translate.enabled", Off, "see the feature"),
    ("search.suggest_enabled", Off, "sends what is typed"),
    (
        "alternate_error_pages.enabled",
        Off,
        "asks a server about addresses that failed",
    ),
    (
        "url_keyed_anonymized_data_collection.enabled",
        Off,
        "sends addresses",
    ),
    ("credentials_enable_service", Off, "a bar over the page"),
    (
        "profile.password_manager_enabled",
        Off,
        "a bar over the page",
    ),
    (
        "profile.password_manager_leak_detection",
        Off,
        "sends hashes, and a dialog over the page",
    ),
    (
        "profile.default_content_setting_values.notifications",
        Number(2),
        "a prompt over the page; push connections",
    ),
    (
        "autofill.profile_enabled",
        Off,
        "fills in what no step typed",
    ),
    ("autofill.credit_card_enabled", Off, "the same"),
    (
        "signin.allowed",
        Off,
        "the profile belongs to the account under test only",
    ),
    (
        "intl.accept_languages",
        Text("en-US,en"),
        "labels in scenarios are English",
    ),
];

/// Preferences of the profile, as chromedriver takes them.
pub(in crate::browser) fn preferences() -> Value {
    as_json(PREFERENCES).into()
}

/// Settings of the browser as a whole.
pub(in crate::browser) fn local_state() -> Value {
    // Look-ups must be those of the machine, and not go to a third party over HTTPS.
    json!({ "dns_over_https.mode": "off" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_nowhere_comes_before_the_door() {
        let to = std::net::SocketAddr::from(([127, 0, 0, 1], 9102));
        let door = DoorRule {
            from: "127.0.0.1:9101".into(),
            to,
        };
        let rules = resolver_rules(Some(&door), &[]);
        assert!(rules.starts_with("--host-resolver-rules=MAP *.gvt1.com ~NOTFOUND, "));
        assert!(rules.ends_with(", MAP 127.0.0.1:9101 127.0.0.1:9102"));
    }

    #[test]
    fn a_window_is_shown_only_when_asked_for() {
        let headless = |headed| flags(headed).contains(&"--headless=new".to_owned());
        assert!(headless(false) && !headless(true));
        assert_eq!(preferences()["safebrowsing.enabled"], json!(false));
    }
}
