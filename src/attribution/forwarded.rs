//! Whom a proxy says it forwards for: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Anybody can write such a line, so it counts only from a proxy that was declared, and only as far as declared proxies
//! wrote it: from the right, past their own addresses, to the first that is not one of them. It stands beside the
//! socket's peer, never in its place.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::model::Request;

/// The right-most address that is no declared proxy; none where the peer is not declared, nothing is said, or what is
/// said there is no address. Where both headers speak they must say the same: a proxy that writes one of them lets the
/// other through as a visitor wrote it.
#[must_use]
pub fn forwarded(peer: IpAddr, request: &Request, proxies: &[IpNet]) -> Option<IpAddr> {
    if !is_in(proxies, peer) {
        return None;
    }
    let by_standard = said(request, "forwarded", nodes_of_elements);
    let by_custom = said(request, "x-forwarded-for", plain_nodes);
    let found =
        [by_standard, by_custom].map(|said| said.map(|nodes| first_stranger(&nodes, proxies)));
    match found {
        [Some(one), Some(other)] => one.filter(|_| one == other),
        [one, other] => one.or(other)?,
    }
}

fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// What all lines of a header say, in order; none where there is no such line.
fn said(
    request: &Request,
    name: &str,
    nodes: fn(&str) -> Vec<Option<IpAddr>>,
) -> Option<Vec<Option<IpAddr>>> {
    let lines = request.headers.iter();
    let mut lines = lines
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| nodes(&value.text()))
        .peekable();
    lines.peek()?;
    Some(lines.flatten().collect())
}

/// From the right; what is no address (`unknown`, `_hidden`, anything else) ends the way.
fn first_stranger(nodes: &[Option<IpAddr>], proxies: &[IpNet]) -> Option<IpAddr> {
    let known = |node: &&Option<IpAddr>| node.is_some_and(|address| is_in(proxies, address));
    nodes
        .iter()
        .rev()
        .find(|node| !known(node))
        .copied()
        .flatten()
}

fn plain_nodes(line: &str) -> Vec<Option<IpAddr>> {
    line.split(',').map(node).collect()
}

/// The `for` of each element; none of one that has none, or more than one.
fn nodes_of_elements(line: &str) -> Vec<Option<IpAddr>> {
    let elements = split_outside_quotes(line, ',').into_iter();
    elements.map(|element| node(&for_of(element)?)).collect()
}

fn for_of(element: &str) -> Option<String> {
    let pairs = split_outside_quotes(element, ';').into_iter();
    let mut values = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| unquoted(value.trim()))
    });
    values.next().filter(|_| values.next().is_none())
}

/// A quoted string without its quotes and escapes (RFC 9110 section 5.6.4).
fn unquoted(value: &str) -> String {
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return value.to_owned();
    };
    let mut plain = String::new();
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        plain.extend(match c {
            '\\' => characters.next(),
            _ => Some(c),
        });
    }
    plain
}

fn split_outside_quotes(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (here, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == at && !quoted => {
                parts.push(&text[start..here]);
                start = here + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// An address, with or without a port; IPv6 with or without brackets. What names an interface of the proxy (`%eth0`) means
/// nothing here and is left out.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Some((inside, behind)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let fits = behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port);
        return fits.then(|| six(inside)).flatten();
    }
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    text.parse().ok().or_else(with_port).or_else(|| six(text))
}

/// A number, or a name that hides it (RFC 7239 section 6.2).
fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() || text.starts_with('_')
}

fn six(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bytes;

    fn ask(peer: &str, lines: &[(&str, &str)]) -> Option<String> {
        let line =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Bytes::from(value.as_bytes()));
        let request = Request {
            method: "GET".into(),
            target: Bytes::default(),
            version: "HTTP/1.1".into(),
            tls: false,
            opening: None,
            forwarded: None,
            headers: lines.iter().map(line).collect(),
        };
        let proxies = [
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8:ffff::/48".parse().unwrap(),
        ];
        forwarded(peer.parse().unwrap(), &request, &proxies).map(|address| address.to_string())
    }

    /// Each line as it comes from a declared proxy.
    fn said(name: &str, value: &str) -> Option<String> {
        ask("10.0.0.1", &[(name, value)])
    }

    #[test]
    fn only_declared_proxies_are_believed() {
        let line = [("X-Forwarded-For", "203.0.113.9")];
        assert_eq!(ask("10.0.0.1", &line).as_deref(), Some("203.0.113.9"));
        assert_eq!(
            ask("::ffff:10.0.0.1", &line).as_deref(),
            Some("203.0.113.9")
        );
        assert_eq!(
            ask("2001:db8:ffff::1", &line).as_deref(),
            Some("203.0.113.9")
        );
        assert_eq!(ask("203.0.113.1", &line), None);
        assert_eq!(ask("10.0.0.1", &[]), None);
    }

    #[test]
    fn it_is_the_right_most_that_is_no_proxy() {
        let custom = |value| said("x-forwarded-for", value);
        assert_eq!(
            custom("198.51.100.1, 203.0.113.9").as_deref(),
            Some("203.0.113.9")
        );
        assert_eq!(
            custom("198.51.100.1, 203.0.113.9, 10.2.3.4,10.0.0.7").as_deref(),
            Some("203.0.113.9")
        );
        assert_eq!(custom("10.2.3.4"), None, "nobody is left");
        let lines = [
            ("X-Forwarded-For", "198.51.100.1"),
            ("x-forwarded-FOR", "203.0.113.9, 10.2.3.4"),
            ("Via", "1.1 a"),
            ("X-Forwarded-For", "10.9.9.9"),
        ];
        assert_eq!(ask("10.0.0.1", &lines).as_deref(), Some("203.0.113.9"));
    }

    #[test]
    fn addresses_are_read_in_every_dress_and_whole() {
        let whole = "2001:db8:1:2:3:4:5:6";
        for value in [
            whole,
            "[2001:db8:1:2:3:4:5:6]",
            "[2001:db8:1:2:3:4:5:6]:4711",
            "[2001:db8:1:2:3:4:5:6]:_port",
            "2001:DB8:1:2:3:4:5:6%eth0",
            "[2001:db8:1:2:3:4:5:6%25eth0]:80",
            "  2001:db8:1:2:3:4:5:6  ",
        ] {
            assert_eq!(
                said("x-forwarded-for", value).as_deref(),
                Some(whole),
                "{value}"
            );
        }
        let four = said("x-forwarded-for", "203.0.113.9:65535");
        assert_eq!(four.as_deref(), Some("203.0.113.9"));
    }

    #[test]
    fn what_is_no_address_ends_the_way() {
        for value in [
            "203.0.113.9, unknown",
            "203.0.113.9, _hidden, 10.0.0.7",
            "203.0.113.9, ",
            "",
            "203.0.113.9, 999.1.1.1",
            "203.0.113.9, [::1",
            "203.0.113.9, [::1]x",
            "203.0.113.9, 1.2.3.4:99999",
            "203.0.113.9, example.com",
            "\u{1b}[2J",
        ] {
            assert_eq!(said("x-forwarded-for", value), None, "{value}");
        }
    }

    #[test]
    fn the_standard_header_is_read_as_its_rfc_says() {
        let standard = |value| said("Forwarded", value);
        let nine = Some("203.0.113.9".to_owned());
        assert_eq!(standard("for=203.0.113.9;proto=http;by=10.0.0.1"), nine);
        assert_eq!(standard("For=\"203.0.113.9:47011\""), nine);
        assert_eq!(
            standard("for=198.51.100.1, proto=https; FOR = 203.0.113.9 ,for=10.0.0.2"),
            nine
        );
        assert_eq!(
            standard("by=\"a,b;for=1.1.1.1\";for=\"203.0.113\\.9\""),
            nine
        );
        let six = standard("for=\"[2001:db8:cafe::17]:4711\"");
        assert_eq!(six.as_deref(), Some("2001:db8:cafe::17"));
        for nobody in [
            "for=unknown",
            "for=\"_gazonk\"",
            "proto=http",
            "for=203.0.113.9;for=198.51.100.1",
            "for=203.0.113.9, for=",
            "for=203.0.113.9, for=\"198.51.100.1",
        ] {
            assert_eq!(standard(nobody), None, "{nobody}");
        }
    }

    /// A visitor writes the header that the proxy lets through.
    #[test]
    fn two_headers_must_say_the_same() {
        let both = |standard: &str| {
            let standard = format!("for={standard}");
            ask(
                "10.0.0.1",
                &[("Forwarded", &standard), ("X-Forwarded-For", "203.0.113.9")],
            )
        };
        assert_eq!(both("203.0.113.9").as_deref(), Some("203.0.113.9"));
        assert_eq!(both("198.51.100.66"), None);
        assert_eq!(both("unknown"), None);
    }
}
