use url::Url;

/// Services that put addresses of their own in front of links, by host and the beginning of the path. What is behind a
/// link is then asked for by whoever follows it, by way of them.
const KNOWN: &[(&str, &str, &str)] = &[
    ("t.co", "/", "X"),
    ("l.facebook.com", "/l.php", "Meta's link shim"),
    ("lm.facebook.com", "/l.php", "Meta's link shim"),
    ("l.messenger.com", "/l.php", "Meta's link shim"),
    ("l.instagram.com", "/", "Meta's link shim"),
    (
        "safelinks.protection.outlook.com",
        "/",
        "Microsoft Safe Links",
    ),
    ("vk.com", "/away.php", "VK"),
    ("linkedin.com", "/safety/go", "LinkedIn"),
    ("lnkd.in", "/", "LinkedIn"),
    ("slack-redir.net", "/", "Slack"),
    ("out.reddit.com", "/", "Reddit"),
    ("google.com", "/url", "Google"),
    ("urldefense.com", "/", "Proofpoint URL Defense"),
    ("urldefense.proofpoint.com", "/", "Proofpoint URL Defense"),
];

/// Names who put an address of their own in front of a link: the host, and whose it is where that is known. None where it
/// is no address with a host. The host is hostile text.
#[must_use]
pub fn wrapper(target: &str) -> Option<String> {
    let url = Url::parse(target).ok()?;
    let host = url.host_str()?;
    let is_on = |known: &str| {
        host.strip_suffix(known)
            .is_some_and(|front| front.is_empty() || front.ends_with('.'))
    };
    let mut known = KNOWN.iter();
    let known = known.find(|(at, path, _)| is_on(at) && url.path().starts_with(path));
    Some(match known {
        Some((_, _, whose)) => format!("{host} ({whose})"),
        None => host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_wrappers_are_named_and_others_by_their_host() {
        for (target, named) in [
            (
                "https://l.facebook.com/l.php?u=http%3A%2F%2Fa.example%2Ftoken&h=AT0",
                Some("l.facebook.com (Meta's link shim)"),
            ),
            ("https://t.co/AbCdEf", Some("t.co (X)")),
            (
                "https://eur01.safelinks.protection.outlook.com/?url=http%3A%2F%2Fa.example",
                Some("eur01.safelinks.protection.outlook.com (Microsoft Safe Links)"),
            ),
            ("https://vk.com/away.php?to=x", Some("vk.com (VK)")),
            ("https://vk.com/other", Some("vk.com")),
            ("https://not-t.co/x", Some("not-t.co")),
            ("https://example.org/l?u=x", Some("example.org")),
            ("mailto:a@example.org", None),
            ("no address", None),
        ] {
            assert_eq!(wrapper(target).as_deref(), named, "{target}");
        }
    }
}
