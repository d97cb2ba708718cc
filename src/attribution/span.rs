use std::net::IpAddr;

use ipnet::IpNet;

/// A run of addresses, both ends within. IPv4 stands where IPv6 maps it (RFC 4291 section 2.5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    first: u128,
    last: u128,
}

impl Span {
    /// From one address to another of the same family; none where the second is not behind the first.
    pub(super) fn between(first: IpAddr, last: IpAddr) -> Option<Self> {
        let fits = first.is_ipv4() == last.is_ipv4() && first <= last;
        fits.then(|| Self {
            first: number(first),
            last: number(last),
        })
    }

    /// All of a network.
    pub(super) fn of(network: IpNet) -> Self {
        Self {
            first: number(network.network()),
            last: number(network.broadcast()),
        }
    }

    const fn holds(self, at: u128) -> bool {
        self.first <= at && at <= self.last
    }
}

fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => six.to_bits(),
    }
}

/// What is said of spans, found by address in the time of a binary search however many there are. Spans may lie in each
/// other: everything that is said of an address is found, of the narrowest span first.
#[derive(Debug, Clone)]
pub(super) struct Spans<T> {
    kept: Vec<Kept<T>>,
    /// Where the narrowest span changes, and which it is from there on.
    edges: Vec<(u128, Option<u32>)>,
}

#[derive(Debug, Clone)]
struct Kept<T> {
    span: Span,
    said: T,
    /// The span around it.
    outer: Option<u32>,
}

impl<T> Default for Spans<T> {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl<T> Spans<T> {
    /// Takes them in any order. Of spans that only overlap, the one that begins later counts as the narrower.
    pub(super) fn new(mut said: Vec<(Span, T)>) -> Self {
        said.sort_by_key(|(span, _)| (span.first, u128::MAX - span.last));
        let mut spans = Self {
            kept: Vec::with_capacity(said.len()),
            edges: Vec::new(),
        };
        // The spans that are open where we are, outermost first.
        let mut open = Vec::new();
        for (span, said) in said {
            spans.close(&mut open, Some(span.first));
            let outer = open.last().copied();
            let own = u32::try_from(spans.kept.len()).unwrap_or(u32::MAX);
            spans.kept.push(Kept { span, said, outer });
            spans.edges.push((span.first, Some(own)));
            open.push(own);
        }
        spans.close(&mut open, None);
        spans
    }

    /// Closes what ends before an address; everything, without one.
    fn close(&mut self, open: &mut Vec<u32>, before: Option<u128>) {
        while let Some(last) = open.last().map(|&top| self.kept[top as usize].span.last) {
            if before.is_some_and(|before| last >= before) {
                break;
            }
            open.pop();
            while open
                .last()
                .is_some_and(|&top| self.kept[top as usize].span.last <= last)
            {
                open.pop();
            }
            if let Some(next) = last.checked_add(1) {
                self.edges.push((next, open.last().copied()));
            }
        }
    }

    /// Everything that is said of an address.
    pub(super) fn at(&self, address: IpAddr) -> impl Iterator<Item = &T> {
        let at = number(address);
        let behind = self.edges.partition_point(|(from, _)| *from <= at);
        let narrowest = behind
            .checked_sub(1)
            .and_then(|edge| self.edges.get(edge))
            .and_then(|(_, span)| *span);
        let kept = |span: Option<u32>| self.kept.get(span? as usize);
        std::iter::successors(kept(narrowest), move |inner| kept(inner.outer))
            .filter(move |one| one.span.holds(at))
            .map(|one| &one.said)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(networks: &[&str]) -> Spans<String> {
        let said = networks.iter().map(|text| {
            let network: IpNet = text.parse().unwrap();
            (Span::of(network), (*text).to_owned())
        });
        Spans::new(said.collect())
    }

    fn at(spans: &Spans<String>, address: &str) -> Vec<String> {
        spans.at(address.parse().unwrap()).cloned().collect()
    }

    #[test]
    fn everything_around_an_address_is_found_the_narrowest_first() {
        let spans = spans(&["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "2001:db8::/32"]);
        assert_eq!(
            at(&spans, "10.1.2.3"),
            ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8"]
        );
        assert_eq!(at(&spans, "10.1.3.3"), ["10.1.0.0/16", "10.0.0.0/8"]);
        assert_eq!(at(&spans, "10.200.0.1"), ["10.0.0.0/8"]);
        assert_eq!(at(&spans, "::ffff:10.200.0.1"), ["10.0.0.0/8"]);
        assert_eq!(at(&spans, "2001:db8::1"), ["2001:db8::/32"]);
        for stranger in ["9.255.255.255", "11.0.0.0", "2001:db9::", "::"] {
            assert!(at(&spans, stranger).is_empty(), "{stranger}");
        }
    }

    #[test]
    fn the_ends_of_the_world_are_within() {
        let spans = spans(&["0.0.0.0/0", "::/0"]);
        assert_eq!(at(&spans, "255.255.255.255").len(), 2);
        assert_eq!(
            at(&spans, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ["::/0"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However spans lie to each other, as many are found as looking at each one finds.
        #[test]
        fn it_finds_what_looking_at_each_finds(
            ends in prop::collection::vec((0_u32..60, 0_u32..60), 0..20),
            asked in 0_u32..60,
        ) {
            let address = |number: u32| IpAddr::V4(number.into());
            let all: Vec<(Span, usize)> = ends
                .iter()
                .enumerate()
                .filter_map(|(index, &(one, other))| {
                    Some((Span::between(address(one.min(other)), address(one.max(other)))?, index))
                })
                .collect();
            let holds = |&&(span, _): &&(Span, usize)| span.holds(number(address(asked)));
            let mut wanted: Vec<usize> = all.iter().filter(holds).map(|(_, index)| *index).collect();
            let spans = Spans::new(all.clone());
            let mut found: Vec<usize> = spans.at(address(asked)).copied().collect();
            wanted.sort_unstable();
            found.sort_unstable();
            // Of spans that overlap without lying in each other, one that ends first may hide behind another.
            let nested = all.iter().all(|(one, _)| all.iter().all(|(other, _)| {
                one.last < other.first || other.last < one.first
                    || (one.first <= other.first && other.last <= one.last)
                    || (other.first <= one.first && one.last <= other.last)
            }));
            if nested {
                prop_assert_eq!(found, wanted);
            } else {
                prop_assert!(found.iter().all(|index| wanted.contains(index)));
                prop_assert_eq!(found.is_empty(), wanted.is_empty());
            }
        }
    }
}
