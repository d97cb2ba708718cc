use std::fmt;

use super::token::TOKEN_CHARS;

/// Octets of a name as it is sent, the root's included (RFC 1035 section 2.3.4).
const NAME_OCTETS: usize = 255;

/// Octets of a label.
const LABEL_OCTETS: usize = 63;

/// The zone that host tokens are labels of, in lower case and without a dot at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(String);

impl Zone {
    /// Reads the name of a zone: in any case, with or without a dot at its end. There must be room for a token in front.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        // Each of the two costs a length octet, and the root one more.
        let fits = name.len() + 2 + TOKEN_CHARS < NAME_OCTETS;
        // An all-numeric end would be an address.
        let named = name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()));
        (fits && named && name.split('.').all(is_label)).then_some(Self(name))
    }

    /// The zone of an address in the links, such as `http://*.canary.example:8080`; none where it has no `*`.
    #[must_use]
    pub fn of(public: &str) -> Option<Self> {
        let (_, rest) = public.split_once("*.")?;
        Self::parse(rest.split([':', '/']).next()?)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// What stands in front of the zone in the name of one of its hosts, which may have a port behind it; none for a
    /// host elsewhere.
    #[must_use]
    pub fn inside<'a>(&self, host: &'a str) -> Option<&'a str> {
        let name = host.split(':').next().unwrap_or_default();
        let name = name.strip_suffix('.').unwrap_or(name);
        let (front, end) = name.split_at_checked(name.len().checked_sub(self.0.len())?)?;
        if !end.eq_ignore_ascii_case(&self.0) {
            return None;
        }
        match front {
            "" => Some(""),
            front => front.strip_suffix('.'),
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    let plain = label
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain
        && (1..=LABEL_OCTETS).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_host_name_with_room_in_front() {
        for good in ["canary.example", "Canary.Example.", "lab", "a-b.c1"] {
            assert!(Zone::parse(good).is_some(), "{good}");
        }
        let long = format!("{}.example", ["a"; 105].join("."));
        for wrong in [
            "",
            ".",
            "a..b",
            "-a.b",
            "a_b.c",
            "a b",
            "*.a",
            "192.0.2.1",
            &"a".repeat(64),
            &long,
        ] {
            assert_eq!(Zone::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_host_inside_is_known_in_any_case() {
        let zone = Zone::of("http://*.canary.example:8080").unwrap();
        assert_eq!(zone.name(), "canary.example");
        assert_eq!(zone.inside("ToKeN.cAnArY.example:80"), Some("ToKeN"));
        assert_eq!(zone.inside("a.b.canary.example."), Some("a.b"));
        assert_eq!(zone.inside("canary.example"), Some(""));
        for elsewhere in [
            "notcanary.example",
            "example",
            "",
            "canary.example.org",
            "\u{e9}\u{e9}anary.example",
        ] {
            assert_eq!(zone.inside(elsewhere), None, "{elsewhere}");
        }
        assert_eq!(Zone::of("http://127.0.0.1:8080"), None);
    }
}
