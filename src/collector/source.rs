use std::net::IpAddr;

/// The network a source is counted under, an IPv4 /24 or an IPv6 /56: whoever has one address of it has most likely all.
pub(super) fn network(source: IpAddr) -> u128 {
    match source {
        IpAddr::V4(four) => u128::from(four.to_bits() >> 8),
        IpAddr::V6(six) => (six.to_bits() >> 72) | 1 << 127,
    }
}
