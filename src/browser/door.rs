//! How a browser is led to its own door.

use std::net::SocketAddr;

/// Leads a browser's requests for the public links to a listener of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorRule {
    /// Host and port of the public links, such as `127.0.0.1:8080`, or a host pattern such as `*.canary.example`.
    pub from: String,
    /// The browser's own door.
    pub to: SocketAddr,
}

/// Chromium's resolver rule: what matches, whatever is spoken there, is asked for at the door instead.
pub(super) fn resolver_rule(door: &DoorRule) -> String {
    format!("MAP {} {}", door.from, door.to)
}

/// The same as a script for the choice of a proxy (PAC), for browsers without such rules; some hosts lead nowhere. By
/// way of SOCKS, since nothing that is asked for changes on that way: an HTTP proxy is asked in other words, and over
/// TLS in a conversation of its own.
pub(super) fn script<'a>(
    nowhere: impl Iterator<Item = &'a str>,
    door: Option<&DoorRule>,
) -> String {
    // Nobody listens at port 9, and Firefox does not even try.
    let nowhere = nowhere.map(|host| choice(host, "PROXY 127.0.0.1:9"));
    let door = door.map(|door| choice(&door.from, &format!("SOCKS5 {}", door.to)));
    let choices: String = nowhere.chain(door).collect();
    format!("function FindProxyForURL(url, host) {{ {choices}return 'DIRECT'; }}")
}

fn choice(from: &str, proxy: &str) -> String {
    format!("if (/{}/i.test(url)) return '{proxy}'; ", pattern(from))
}

/// A regular expression for the addresses that a rule is about. The path of what goes over TLS is not shown to a
/// script, and neither is the usual port.
fn pattern(from: &str) -> String {
    let (host, port) = match from.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, format!("{}\\/", port_pattern(port)))
        }
        _ => (from, "(:[0-9]+)?\\/".to_owned()),
    };
    let host = regex::escape(host).replace("\\*", "[^/@:]*");
    format!("^[a-z]+:\\/\\/([^\\/]*@)?{host}{port}")
}

fn port_pattern(port: &str) -> String {
    match port {
        "80" | "443" => format!("(:{port})?"),
        _ => format!(":{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an address goes by the door, as Firefox's regular expressions and ours both understand the pattern.
    fn goes(from: &str, url: &str) -> bool {
        let pattern = pattern(from).replace("\\/", "/");
        regex::RegexBuilder::new(&pattern)
            .case_insensitive(true)
            .build()
            .unwrap()
            .is_match(url)
    }

    #[test]
    fn only_the_links_go_by_the_door() {
        let at = "127.0.0.1:9101";
        assert!(goes(at, "http://127.0.0.1:9101/x"));
        assert!(goes(at, "https://u:p@127.0.0.1:9101/"));
        assert!(!goes(at, "http://127.0.0.1:91011/"));
        assert!(!goes(at, "http://127.0.0.1:9102/?127.0.0.1:9101/"));
        assert!(!goes(at, "http://127a0.0.1:9101/"));
        assert!(goes("198.51.100.7:80", "http://198.51.100.7/x"));
        assert!(goes("[::1]:9101", "http://[::1]:9101/x"));

        let zone = "*.canary.example";
        assert!(goes(zone, "http://Token.canary.example:8080/x"));
        assert!(goes(zone, "https://a.b.canary.example/"));
        assert!(!goes(zone, "http://canary.example/"));
        assert!(!goes(zone, "http://token.canary.example.org/"));
        assert!(!goes(zone, "http://other.example/x@token.canary.example/"));
        assert!(goes("*", "http://other.example/x"));
    }

    #[test]
    fn the_script_names_the_door() {
        let door = DoorRule {
            from: "*.canary.example".into(),
            to: SocketAddr::from(([127, 0, 0, 1], 9102)),
        };
        let script = script(["a.example"].into_iter(), Some(&door));
        assert!(
            script.ends_with("/i.test(url)) return 'SOCKS5 127.0.0.1:9102'; return 'DIRECT'; }")
        );
        assert!(
            script.contains("a\\.example(:[0-9]+)?\\//i.test(url)) return 'PROXY 127.0.0.1:9'; ")
        );
        assert_eq!(resolver_rule(&door), "MAP *.canary.example 127.0.0.1:9102");
    }
}
