//! Ranges of IPv4 addresses, as `10.0.0.0/16`.

use std::{fmt, net::Ipv4Addr, str::FromStr};

/// A network address and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    address: u32,
    prefix: u8,
}

impl Cidr {
    /// How many leading bits all addresses of the range share, 0 to 32.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether every address of `other` is in this range.
    pub fn contains(self, other: Self) -> bool {
        self.prefix <= other.prefix && other.address & mask(self.prefix) == self.address
    }

    /// Whether an address is in both ranges. Two ranges overlap only when one contains the other.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.address), self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            |why: &str| format!("expected a range of IPv4 addresses such as `10.0.0.0/16`, found `{text}`{why}");
        let (address, prefix) = text.split_once('/').ok_or_else(|| expected(": the prefix length is missing"))?;
        let address: Ipv4Addr =
            address.parse().map_err(|_| expected(": four numbers from 0 to 255 make an address"))?;
        let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix
            .parse()
            .ok()
            .filter(|prefix| digits && *prefix <= 32)
            .ok_or_else(|| expected(": the prefix length is a number from 0 to 32"))?;
        let found = u32::from(address);
        let start = Self { address: found & mask(prefix), prefix };
        if start.address == found { Ok(start) } else { Err(expected(&format!(": the range begins at `{start}`"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().expect(text)
    }

    #[test]
    fn a_range_contains_its_subnets_and_not_its_neighbours() {
        let vpc = cidr("192.168.0.0/16");
        assert!(vpc.contains(cidr("192.168.16.0/20")) && cidr("0.0.0.0/0").contains(vpc));
        assert!(!vpc.contains(cidr("192.169.0.0/20")) && !cidr("192.168.0.0/20").contains(vpc));
    }

    #[test]
    fn ranges_overlap_when_one_is_inside_the_other() {
        assert!(cidr("10.0.0.0/8").overlaps(cidr("10.1.0.0/16")) && cidr("10.1.0.0/16").overlaps(cidr("10.0.0.0/8")));
        assert!(!cidr("10.0.0.0/17").overlaps(cidr("10.0.128.0/17")));
    }

    #[test]
    fn what_is_no_range_is_refused_with_the_reason() {
        for (text, why) in [
            ("10.0.0.0", "prefix length is missing"),
            ("10.0.0.256/16", "0 to 255"),
            ("10.0.0/16", "0 to 255"),
            ("10.0.0.0/33", "0 to 32"),
            ("10.0.0.0/+8", "0 to 32"),
            ("10.0.0.1/16", "begins at `10.0.0.0/16`"),
        ] {
            let error = text.parse::<Cidr>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
