//! How many keys one source may have asked for: whoever makes A-KIDs up is not to spend what all have together.

use std::net::IpAddr;

use kaskade_crypto::kdf::HmacKey;
use kaskade_flow::Moment;
use kaskade_flow::budget::Rate;

/// Buckets, in each of which come a few of all sources, nobody outside knows which.
const BUCKETS: usize = 4096;

/// The budgets of sources, in constant room: 32 KiB.
pub(crate) struct Sources {
    rate: Rate,
    full_at: Box<[u64]>,
}

impl Sources {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            full_at: vec![0; BUCKETS].into(),
        }
    }

    /// Whether a source may ask for one more.
    pub(crate) fn take(&mut self, names: &HmacKey, source: IpAddr, now: Moment) -> bool {
        let hash = names.mac_parts(&[b"source", &number(source).to_be_bytes()]);
        let [a, b, ..] = *hash.high_64();
        let bucket = usize::from(u16::from_be_bytes([a, b])) % BUCKETS;
        let full_at = self.full_at.get_mut(bucket);
        full_at.is_some_and(|full_at| self.rate.take(full_at, now.as_nanos()).is_ok())
    }
}

/// What stands for a source: an IPv4 address, or 64 bits of an IPv6 one, since whoever has one address of them has all.
pub(crate) fn number(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_its_budget_and_leaves_the_others_theirs() {
        let names = HmacKey::new(&[1; 32]);
        let mut sources = Sources::new(Rate::per_second(1, 4).unwrap());
        let now = Moment::from_nanos(3_600_000_000_000);
        let mut taken = |source: &str| {
            let source = source.parse().unwrap();
            (0..100).filter(|_| sources.take(&names, source, now)).count()
        };
        assert_eq!(taken("192.0.2.1"), 4);
        assert_eq!(taken("::ffff:192.0.2.1"), 0, "the same");
        assert_eq!((taken("2001:db8::1"), taken("2001:db8::ffff:2")), (4, 0), "one network");
        // Of a hundred others next to nobody has the same bucket.
        let others: usize = (0..100).map(|n| taken(&format!("198.51.100.{n}"))).sum();
        assert!(others > 380, "{others}");
    }
}
