//! The published cases, each as the experiment that would have seen it. What is assumed stands in the case's README.

use std::time::Duration;

use waxseal::model::{Account, Arm, Evidence, Form, Part};

use super::published::{Audit, HOUR, Planted, Subject, Visitor};

/// A run of a case. Most have one, which has no name.
pub struct World {
    pub case: &'static str,
    pub run: &'static str,
    pub make: fn() -> Evidence,
}

const fn world(case: &'static str, run: &'static str, make: fn() -> Evidence) -> World {
    World { case, run, make }
}

pub const WORLDS: &[World] = &[
    world("heise-2013", "", heise),
    world("heise-2013", "as-it-was", heise_as_it_was),
    world("ars-2013", "", ars),
    world("ars-2013", "by-scheme", ars_by_scheme),
    world("ars-2013", "as-it-was", ars_as_it_was),
    world("guan-2013", "", guan),
    world("guan-2013", "as-it-was", guan_as_it_was),
    world("htb-2013", "", htb),
    world("mysk-2020-ig", "", mysk),
    world("meta-eu-2021", "before", meta_before),
    world("meta-eu-2021", "after", meta_after),
    world("skype-web-recv", "", skype_web),
    world("telegram-type", "", telegram),
    world("wa-phone", "", whatsapp),
    world("wa-phone", "unregistered", whatsapp_unregistered),
    world("signal-desktop", "", signal),
    world("imessage-spoof", "", imessage),
    world("lounge-spoof", "", lounge),
    world("line-e2ee", "", line),
    world("matrix-optin", "", matrix),
    world("mastodon-fanout", "", mastodon),
    world("teams-rescan", "", teams),
    world("teams-rescan", "listened-half-a-day", teams_half_a_day),
    world("talktalk", "", talktalk),
    world("dns-zombie", "", zombies),
    world("ct-bots", "", bots),
    world("ct-bots", "a-certificate-each", bots_at_every_name),
    world("scanner-secondary", "", secondary),
    world("collector-down", "", collector_down),
];

/// How many links of each kind a sound experiment plants, where the case says nothing: six of six is the fewest of which
/// the whole interval lies above one half.
const SOUND: u16 = 6;

const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

/// Skype's visitor of 2013: no agent, and no content asked for.
const SKYPE_2013: Visitor<'_> = Visitor::new("65.52.100.214", None).head();

const fn skype_2013(run: u32, begins: &'static str) -> Subject {
    Subject {
        run,
        service: "skype",
        title: "Skype (2013)",
        networks: &["65.52.0.0/16"],
        agents: &[],
        begins,
        window: hours(72),
    }
}

/// One link after the other, half of the links of our own kind never shown to anybody, everything proven.
fn sound(subject: &Subject, kinds: &[(Arm, Form, u16)]) -> Audit {
    let mut audit = Audit::of(subject);
    audit.variant("default", "", &[]);
    lay_out(&mut audit, kinds);
    audit
}

fn lay_out(audit: &mut Audit, kinds: &[(Arm, Form, u16)]) {
    audit.prove(&forms(kinds));
    let mut all = kinds.to_vec();
    for form in forms(kinds) {
        let of_form = kinds.iter().filter(|kind| kind.1 == form);
        let most = of_form.map(|kind| kind.2).max().unwrap_or(0);
        all.push((Arm::Unsent, form, most));
    }
    audit.plant(&all);
}

fn forms(kinds: &[(Arm, Form, u16)]) -> Vec<Form> {
    let mut forms: Vec<Form> = kinds.iter().map(|kind| kind.1).collect();
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// What a person with a web server and a log had in 2013: no controls, no proof of anything, and browsers that may have
/// come by themselves.
fn thin(subject: &Subject, kinds: &[(Arm, Form, u16)]) -> Audit {
    let mut audit = Audit::of(subject);
    audit.variant("default", "", &[]);
    audit.leave_unproven();
    audit.plant(kinds);
    audit
}

fn closed(mut audit: Audit, forms: &[Form]) -> Evidence {
    audit.close(forms);
    audit.evidence()
}

/// Every planted link of a kind is visited, so long after it was sent.
fn after_sending(audit: &mut Audit, arm: Arm, form: Form, delay: f64, visitor: &Visitor<'_>) {
    for one in audit.of_kind(arm, form) {
        audit.visit(one.id, one.sent + 0.4 + delay, Part::Link, visitor);
    }
}

fn after_typing(audit: &mut Audit, arm: Arm, form: Form, delay: f64, visitor: &Visitor<'_>) {
    for one in audit.of_kind(arm, form) {
        audit.visit(one.id, one.typed + 0.4 + delay, Part::Link, visitor);
    }
}

const HEISE: &[(Arm, Form, u16)] = &[(Arm::Sent, Form::Https, 2), (Arm::Sent, Form::Http, 2)];

fn heise() -> Evidence {
    heise_visits(sound(
        &skype_2013(0x2013_0430, "2013-04-30T13:30:00Z"),
        HEISE,
    ))
}

fn heise_as_it_was() -> Evidence {
    heise_visits(thin(
        &skype_2013(0x2013_0431, "2013-04-30T13:30:00Z"),
        HEISE,
    ))
}

fn heise_visits(mut audit: Audit) -> Evidence {
    let https = audit.of_kind(Arm::Sent, Form::Https);
    // 30/Apr/2013:19:28:32 +0200, the one request of which the log line was printed.
    audit.visit(https[0].id, 14_312.0, Part::Link, &SKYPE_2013);
    audit.visit(
        https[1].id,
        https[1].sent + 5.1 * HOUR,
        Part::Link,
        &SKYPE_2013,
    );
    closed(audit, &[Form::Http, Form::Https])
}

fn ars() -> Evidence {
    let subject = skype_2013(0x2013_0516, "2013-05-16T08:00:00Z");
    let mut audit = sound(&subject, &[(Arm::Sent, Form::Http, 4)]);
    let links = audit.of_kind(Arm::Sent, Form::Http);
    ars_visits(&mut audit, &links[1], &links[3]);
    closed(audit, &[Form::Http])
}

const ARS: &[(Arm, Form, u16)] = &[(Arm::Sent, Form::Https, 2), (Arm::Sent, Form::Http, 2)];

fn ars_by_scheme() -> Evidence {
    ars_visits_by_scheme(sound(&skype_2013(0x2013_0517, "2013-05-16T08:00:00Z"), ARS))
}

fn ars_as_it_was() -> Evidence {
    ars_visits_by_scheme(thin(&skype_2013(0x2013_0518, "2013-05-16T08:00:00Z"), ARS))
}

fn ars_visits_by_scheme(mut audit: Audit) -> Evidence {
    let https = audit.of_kind(Arm::Sent, Form::Https);
    let http = audit.of_kind(Arm::Sent, Form::Http);
    ars_visits(&mut audit, &http[0], &https[1]);
    closed(audit, &[Form::Http, Form::Https])
}

fn ars_visits(audit: &mut Audit, one: &Planted, other: &Planted) {
    // 16/May/2013 11:30:10, the one request of which the log line was printed.
    audit.visit(one.id, 12_610.0, Part::Link, &SKYPE_2013);
    audit.visit(other.id, 12_611.0, Part::Link, &SKYPE_2013);
}

const GUAN: &[(Arm, Form, u16)] = &[(Arm::Sent, Form::NotFound, 1)];

fn guan() -> Evidence {
    guan_visits(sound(
        &skype_2013(0x2013_0520, "2013-05-20T12:00:00Z"),
        GUAN,
    ))
}

fn guan_as_it_was() -> Evidence {
    guan_visits(thin(&skype_2013(0x2013_0521, "2013-05-20T12:00:00Z"), GUAN))
}

fn guan_visits(mut audit: Audit) -> Evidence {
    let link = audit.of_kind(Arm::Sent, Form::NotFound);
    // 20/May/2013:13:04:11 +0000.
    audit.visit(link[0].id, 3851.0, Part::Link, &SKYPE_2013);
    closed(audit, &[Form::NotFound])
}

/// The six services that came, with made-up networks but for the one whose address was printed.
pub const HTB_CAME: [(&str, &str, &str); 6] = [
    ("facebook", "198.51.100.8/29", "198.51.100.10"),
    ("twitter", "198.51.100.16/29", "198.51.100.18"),
    ("google-plus", "198.51.100.24/29", "198.51.100.26"),
    ("formspring", "198.51.100.32/29", "198.51.100.34"),
    ("bitly", "50.17.69.56/32", "50.17.69.56"),
    ("goo-gl", "198.51.100.40/29", "198.51.100.42"),
];

/// Those of the forty-four silent ones that reports name.
const HTB_SILENT: [&str; 9] = [
    "google-talk",
    "gmail",
    "skype",
    "linkedin",
    "outlook",
    "yahoo-mail",
    "aol-mail",
    "myspace",
    "foursquare",
];

fn htb() -> Evidence {
    let mut audit = Audit::of(&Subject {
        run: 0x2013_0801,
        service: "fifty-services",
        title: "High-Tech Bridge's fifty",
        networks: &[],
        agents: &[],
        begins: "2013-08-01T09:00:00Z",
        window: hours(240),
    });
    let kinds = [(Arm::Sent, Form::RobotsDenied, 1)];
    for (name, network, _) in HTB_CAME {
        audit.variant(name, name, &[network]);
        lay_out(&mut audit, &kinds);
    }
    for nth in 0..44 {
        let name = HTB_SILENT.get(nth).map_or_else(
            || format!("unnamed-{:02}", nth + 1),
            |name| (*name).to_owned(),
        );
        audit.variant(&name, &name, &[]);
        lay_out(&mut audit, &kinds);
    }
    for (name, _, address) in HTB_CAME {
        let link = audit.in_variant(name, Arm::Sent);
        let agent = (name == "bitly").then_some("bitlybot");
        let visitor = Visitor::new(address, agent);
        audit.robots(link.id, link.sent + 3.0, &visitor);
        if name != "twitter" {
            audit.visit(link.id, link.sent + 3.5, Part::Link, &visitor);
        }
    }
    closed(audit, &[Form::RobotsDenied])
}

/// Stands for the addresses of Meta's fetchers, of which the cases print none.
const META: &[&str] = &["198.51.100.0/24"];
const FACEBOOK: Visitor<'_> = Visitor::new(
    "198.51.100.61",
    Some("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"),
);

fn mysk() -> Evidence {
    let subject = Subject {
        run: 0x2020_1025,
        service: "instagram",
        title: "Instagram (2020)",
        networks: META,
        agents: &["facebookexternalhit"],
        begins: "2020-10-25T10:00:00Z",
        window: hours(24),
    };
    let kinds = [
        (Arm::Sent, Form::Large, SOUND),
        (Arm::Sent, Form::Script, SOUND),
    ];
    let mut audit = sound(&subject, &kinds);
    after_sending(&mut audit, Arm::Sent, Form::Large, 0.9, &FACEBOOK);
    after_sending(&mut audit, Arm::Sent, Form::Script, 0.9, &FACEBOOK);
    for one in audit.of_kind(Arm::Sent, Form::Script) {
        audit.visit(one.id, one.sent + 1.9, Part::Image, &FACEBOOK);
        audit.visit(one.id, one.sent + 2.4, Part::Script, &FACEBOOK);
    }
    closed(audit, &forms(&kinds))
}

const fn messenger(run: u32, begins: &'static str) -> Subject {
    Subject {
        run,
        service: "messenger",
        title: "Facebook Messenger",
        networks: META,
        agents: &["facebookexternalhit"],
        begins,
        window: hours(24),
    }
}

const META_EU: &[(Arm, Form, u16)] = &[(Arm::Sent, Form::Http, 20)];

fn meta_before() -> Evidence {
    let mut audit = sound(&messenger(0x2020_1115, "2020-11-15T10:00:00Z"), META_EU);
    after_sending(&mut audit, Arm::Sent, Form::Http, 1.1, &FACEBOOK);
    for one in audit.of_kind(Arm::Sent, Form::Http) {
        audit.visit(one.id, one.sent + 2.1, Part::Image, &FACEBOOK);
    }
    closed(audit, &[Form::Http])
}

fn meta_after() -> Evidence {
    let audit = sound(&messenger(0x2021_0208, "2021-02-08T10:00:00Z"), META_EU);
    closed(audit, &[Form::Http])
}

/// Within Microsoft's ranges for Teams; that its fetchers stand there is not proven.
const SKYPE_PREVIEW: Visitor<'_> = Visitor::new(
    "52.113.10.20",
    Some("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5"),
);

const SHOWN: &[(Arm, Form, u16)] = &[
    (Arm::Sent, Form::Http, SOUND),
    (Arm::Received, Form::Http, SOUND),
];

/// Every link is visited once the recipient sees it, whichever arm it is in.
fn after_showing(mut audit: Audit, delay: f64, visitor: &Visitor<'_>) -> Evidence {
    audit.close(&[Form::Http]);
    for one in audit.planted.clone() {
        if one.arm.is_sent() {
            audit.visit(one.id, one.shown + 0.4 + delay, Part::Link, visitor);
        }
    }
    audit.evidence()
}

fn skype_web() -> Evidence {
    let subject = Subject {
        run: 0x2016_0001,
        service: "skype-web",
        title: "Skype for Web",
        networks: &["52.112.0.0/14"],
        agents: &["SkypeUriPreview"],
        begins: "2016-06-01T09:00:00Z",
        window: hours(24),
    };
    after_showing(sound(&subject, SHOWN), 1.6, &SKYPE_PREVIEW)
}

fn telegram() -> Evidence {
    let subject = Subject {
        run: 0x2015_0408,
        service: "telegram",
        title: "Telegram Web",
        networks: &["149.154.160.0/20"],
        agents: &["TelegramBot"],
        begins: "2015-04-08T09:00:00Z",
        window: hours(24),
    };
    let kinds = [
        (Arm::Drafted, Form::Http, SOUND),
        (Arm::Pasted, Form::Http, SOUND),
        (Arm::Sent, Form::Http, SOUND),
    ];
    let mut audit = sound(&subject, &kinds);
    let bot = Visitor::new("149.154.161.7", Some("TelegramBot (like TwitterBot)"));
    for (arm, _, _) in kinds {
        after_typing(&mut audit, arm, Form::Http, 0.7, &bot);
    }
    closed(audit, &[Form::Http])
}

/// Typed and never sent, and sent: with doors that serve, so that a preview made by a client of ours is seen whole.
fn with_open_doors(subject: &Subject, form: Form) -> Audit {
    let mut audit = Audit::of(subject);
    audit.variant("default", "", &[]);
    audit.open_doors();
    let kinds = [(Arm::Drafted, form, SOUND), (Arm::Sent, form, SOUND)];
    lay_out(&mut audit, &kinds);
    audit
}

/// A client of the sender's makes its preview while the link is typed.
fn previewed_while_typed(subject: &Subject, form: Form, client: &Visitor<'_>) -> Evidence {
    let mut audit = with_open_doors(subject, form);
    after_typing(&mut audit, Arm::Drafted, form, 1.3, client);
    after_typing(&mut audit, Arm::Sent, form, 1.3, client);
    closed(audit, &[form])
}

const fn whatsapp_web(run: u32) -> Subject {
    Subject {
        run,
        service: "whatsapp",
        title: "WhatsApp Web",
        networks: META,
        agents: &["WhatsApp/"],
        begins: "2026-07-20T09:00:00Z",
        window: hours(24),
    }
}

const PHONE: Visitor<'_> = Visitor::new("203.0.113.77", Some("WhatsApp/2.23.20.0 A"));

fn whatsapp() -> Evidence {
    let phone = PHONE.by_door_of(Account::Sender);
    previewed_while_typed(&whatsapp_web(0x2026_0701), Form::Http, &phone)
}

fn whatsapp_unregistered() -> Evidence {
    previewed_while_typed(&whatsapp_web(0x2026_0702), Form::Http, &PHONE)
}

fn signal() -> Evidence {
    let subject = Subject {
        run: 0x2023_0921,
        service: "signal",
        title: "Signal Desktop",
        networks: &["198.51.100.0/24"],
        agents: &[],
        begins: "2023-09-21T09:00:00Z",
        window: hours(24),
    };
    let desktop = Visitor::new("203.0.113.30", Some("WhatsApp/2"));
    previewed_while_typed(&subject, Form::Https, &desktop.by_door_of(Account::Sender))
}

fn imessage() -> Evidence {
    let subject = Subject {
        run: 0x2023_0922,
        service: "imessage",
        title: "iMessage",
        networks: &["198.51.100.0/24"],
        agents: &[],
        begins: "2023-09-22T09:00:00Z",
        window: hours(24),
    };
    let agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) \
                 Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0";
    let mac = Visitor::new("203.0.113.31", Some(agent)).by_door_of(Account::Sender);
    previewed_while_typed(&subject, Form::Http, &mac)
}

fn lounge() -> Evidence {
    let subject = Subject {
        run: 0x2026_1101,
        service: "thelounge",
        title: "The Lounge",
        networks: &["198.51.100.66/32"],
        agents: &["The Lounge IRC Client"],
        begins: "2026-11-01T09:00:00Z",
        window: hours(1),
    };
    let mut audit = sound(&subject, &[(Arm::Sent, Form::Http, SOUND)]);
    let agent = "Mozilla/5.0 (compatible; The Lounge IRC Client; +https://github.com/thelounge/thelounge) \
                 facebookexternalhit/1.1 Twitterbot/1.0";
    let server = Visitor::new("198.51.100.66", Some(agent));
    after_sending(&mut audit, Arm::Sent, Form::Http, 0.2, &server);
    closed(audit, &[Form::Http])
}

fn line() -> Evidence {
    let subject = Subject {
        run: 0x2020_1026,
        service: "line",
        title: "LINE, an end-to-end encrypted chat",
        networks: &["147.92.128.0/17"],
        agents: &["line-poker"],
        begins: "2020-10-26T09:00:00Z",
        window: hours(24),
    };
    let mut audit = sound(&subject, &[(Arm::Sent, Form::Http, SOUND)]);
    let poker = Visitor::new(
        "147.92.150.10",
        Some("facebookexternalhit/1.1;line-poker/1.0"),
    );
    after_sending(&mut audit, Arm::Sent, Form::Http, 1.0, &poker);
    closed(audit, &[Form::Http])
}

fn matrix() -> Evidence {
    let mut audit = Audit::of(&Subject {
        run: 0x2019_0853,
        service: "matrix",
        title: "Matrix, an end-to-end encrypted room",
        networks: &["198.51.100.70/32"],
        agents: &["Synapse"],
        begins: "2019-09-01T09:00:00Z",
        window: hours(24),
    });
    audit.variant("previews-off", "no member has previews on", &[]);
    lay_out(&mut audit, SHOWN);
    audit.variant("previews-on", "one member has previews on", &[]);
    lay_out(&mut audit, SHOWN);
    audit.close(&[Form::Http]);
    let agent = "Synapse (bot; +https://github.com/matrix-org/synapse)";
    let homeserver = Visitor::new("198.51.100.70", Some(agent));
    for one in audit.planted.clone() {
        if one.arm.is_sent() && one.variant == "previews-on" {
            audit.visit(one.id, one.shown + 1.2, Part::Link, &homeserver);
        }
    }
    audit.evidence()
}

/// Each instance with its address and agent, and how long after the post its job came to run.
const INSTANCES: [(&str, &str, f64); 6] = [
    (
        "198.51.100.80",
        "http.rb/5.1.1 (Mastodon/4.2.1; +https://home.example/)",
        2.4,
    ),
    (
        "203.0.113.81",
        "http.rb/5.1.1 (Mastodon/4.2.1; +https://one.example/)",
        7.0,
    ),
    (
        "203.0.113.82",
        "http.rb/5.1.1 (Mastodon/4.1.9; +https://two.example/)",
        16.5,
    ),
    (
        "203.0.113.83",
        "http.rb/5.1.1 (Mastodon/4.2.1; +https://three.example/)",
        31.2,
    ),
    (
        "203.0.113.84",
        "http.rb/5.1.0 (Mastodon/4.1.2; +https://four.example/)",
        44.0,
    ),
    (
        "2001:db8:85::1",
        "http.rb/5.1.1 (Mastodon/4.2.0; +https://five.example/)",
        58.7,
    ),
];

fn mastodon() -> Evidence {
    let subject = Subject {
        run: 0x2023_1101,
        service: "mastodon",
        title: "Mastodon",
        networks: &["198.51.100.80/32"],
        agents: &["Mastodon/"],
        begins: "2023-11-01T09:00:00Z",
        window: hours(24),
    };
    let mut audit = sound(&subject, &[(Arm::Sent, Form::Http, SOUND)]);
    for (address, agent, delay) in INSTANCES {
        let instance = Visitor::new(address, Some(agent));
        after_sending(&mut audit, Arm::Sent, Form::Http, delay, &instance);
    }
    closed(audit, &[Form::Http])
}

const fn teams_web(run: u32, window: u64) -> Subject {
    Subject {
        run,
        service: "teams",
        title: "Teams",
        networks: &["52.112.0.0/14", "40.94.0.0/16"],
        agents: &["SkypeUriPreview"],
        begins: "2025-11-20T09:00:00Z",
        window: hours(window),
    }
}

fn teams() -> Evidence {
    teams_visits(&teams_web(0x2025_1120, 72))
}

fn teams_half_a_day() -> Evidence {
    teams_visits(&teams_web(0x2025_1121, 12))
}

/// The preview, and one that looks like a browser nearly two days later.
fn teams_visits(subject: &Subject) -> Evidence {
    let mut audit = sound(subject, &[(Arm::Sent, Form::Http, SOUND)]);
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
                 Safari/537.36";
    let scanner = Visitor::new("40.94.20.30", Some(agent));
    after_sending(&mut audit, Arm::Sent, Form::Http, 1.0, &SKYPE_PREVIEW);
    after_sending(&mut audit, Arm::Sent, Form::Http, 47.0 * HOUR, &scanner);
    closed(audit, &[Form::Http])
}

/// A messenger that fetches nothing.
const fn silent(run: u32, window: u64) -> Subject {
    Subject {
        run,
        service: "silent",
        title: "A messenger that does not come",
        networks: &["198.51.100.0/24"],
        agents: &[],
        begins: "2026-03-02T09:00:00Z",
        window: hours(window),
    }
}

const WITH_VISITED: &[(Arm, Form, u16)] = &[
    (Arm::Sent, Form::Http, SOUND),
    (Arm::Visited, Form::Http, SOUND),
];

fn talktalk() -> Evidence {
    let mut audit = sound(&silent(0x2010_0726, 72), WITH_VISITED);
    let visited = audit.of_kind(Arm::Visited, Form::Http);
    for (one, delay) in visited.iter().zip([31.0, 44.0, 58.0, 75.0, 97.0, 118.0]) {
        let carrier = Visitor::new("203.0.113.200", None);
        audit.visit(one.id, one.typed + 0.5 + delay, Part::Link, &carrier);
    }
    closed(audit, &[Form::Http])
}

fn zombies() -> Evidence {
    let mut audit = sound(&silent(0x2016_0404, 24), WITH_VISITED);
    // Our own browsers, and the recipient's, had the names looked up; days later the resolver asks again.
    for one in audit.planted.clone() {
        if matches!(one.arm, Arm::Sent | Arm::Visited) {
            audit.looks_up(one.id, one.typed + 5.0 * 24.0 * HOUR, "203.0.113.53");
        }
    }
    closed(audit, &[Form::Http])
}

/// Bots that read the log of issued certificates, and what they ask for.
const BOTS: [(&str, &str, &str); 3] = [
    ("203.0.113.90", "/", "zgrab/0.x"),
    ("203.0.113.91", "/.git/config", "l9explore/1.3.0"),
    (
        "2001:db8:92::1",
        "/",
        "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
    ),
];

fn bots() -> Evidence {
    let mut audit = sound(&silent(0x2018_0908, 72), WITH_VISITED);
    for (nth, (address, target, agent)) in BOTS.into_iter().enumerate() {
        let bot = Visitor::new(address, Some(agent));
        audit.stray(240.0 + 90.0 * nth as f64, target, &bot);
    }
    closed(audit, &[Form::Http])
}

fn bots_at_every_name() -> Evidence {
    let mut audit = sound(&silent(0x2018_0909, 72), WITH_VISITED);
    for one in audit.planted.clone() {
        if matches!(one.arm, Arm::Sent | Arm::Unsent) {
            for (nth, (address, target, agent)) in BOTS.into_iter().enumerate() {
                let bot = Visitor::new(address, Some(agent));
                audit.bare(one.id, one.sent + 240.0 + 90.0 * nth as f64, target, &bot);
            }
        }
    }
    closed(audit, &[Form::Http])
}

fn secondary() -> Evidence {
    let subject = Subject {
        run: 0x2026_0501,
        service: "scanning",
        title: "A messenger that asks a public scanner",
        networks: &["198.51.100.0/24"],
        agents: &[],
        begins: "2026-05-01T09:00:00Z",
        window: hours(72),
    };
    let mut audit = sound(&subject, &[(Arm::Sent, Form::Http, SOUND)]);
    let provider = Visitor::new("198.51.100.12", None);
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 \
                 Safari/537.36 CloudflareRadarURLScanner/1.0";
    let scanner = Visitor::new("203.0.113.101", Some(agent));
    let reader = Visitor::new("203.0.113.102", Some("python-requests/2.32.3"));
    after_sending(&mut audit, Arm::Sent, Form::Http, 2.0, &provider);
    after_sending(&mut audit, Arm::Sent, Form::Http, 65.0, &scanner);
    after_sending(&mut audit, Arm::Sent, Form::Http, 2.5 * HOUR, &reader);
    closed(audit, &[Form::Http])
}

fn collector_down() -> Evidence {
    let mut audit = sound(&silent(0x2026_0601, 24), &[(Arm::Sent, Form::Http, SOUND)]);
    // The provider comes as it always does, and nothing hears it, nor ourselves after it.
    audit.fall_deaf();
    let provider = Visitor::new("198.51.100.12", None);
    after_sending(&mut audit, Arm::Sent, Form::Http, 2.0, &provider);
    closed(audit, &[Form::Http])
}
