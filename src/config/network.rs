//! Comparison of address prefixes.

use std::net::IpAddr;

/// Whether both are of one family and share the leading bits. An IPv4-mapped IPv6 address counts as IPv4.
pub(crate) fn agree(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    match (one.to_canonical(), other.to_canonical()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let differs = u32::from(one) ^ u32::from(other);
            differs.leading_zeros() >= u32::from(bits.min(32))
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let differs = u128::from(one) ^ u128::from(other);
            differs.leading_zeros() >= u32::from(bits.min(128))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_prefix_bits_never_count_across_address_families() {
        for (one, other, bits, expected) in [
            ("192.0.2.1", "192.0.2.1", 32, true),
            ("192.0.2.1", "192.0.2.0", 32, false),
            ("192.0.2.1", "192.0.2.0", 31, true),
            ("192.0.2.1", "192.0.3.1", 24, false),
            ("192.0.2.1", "203.0.113.9", 0, true),
            ("2001:db8::1", "2001:db8::2", 128, false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", 64, true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", 64, false),
            ("::ffff:192.0.2.1", "192.0.2.1", 32, true),
            ("::", "0.0.0.0", 0, false),
        ] {
            let address = |text: &str| text.parse().expect("an address");
            assert_eq!(agree(address(one), address(other), bits), expected, "{one}, {other}, {bits}");
        }
    }
}
