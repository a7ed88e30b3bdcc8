//! A place of a log that is known elsewhere.

/// How far a log has come: whoever keeps it elsewhere finds a tail that was cut, or a log that was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Which log.
    pub log: [u8; 16],
    /// The segment that was written.
    pub segment: u64,
    /// Entries of the whole log that are on the disk.
    pub entries: u64,
    /// The chain behind the last of them.
    pub hash: [u8; 32],
}

impl Anchor {
    /// Octets of [`Anchor::encode`].
    pub const LEN: usize = 64;

    /// log 16 ‖ segment 8 ‖ entries 8 ‖ hash 32.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        let parts = [
            &self.log[..],
            &self.segment.to_be_bytes(),
            &self.entries.to_be_bytes(),
            &self.hash,
        ];
        let parts = parts.into_iter().flatten();
        octets.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        octets
    }

    /// Out of what [`Anchor::encode`] gave.
    pub fn decode(octets: &[u8; Self::LEN]) -> Option<Self> {
        let (log, rest) = octets.split_first_chunk()?;
        let (segment, rest) = rest.split_first_chunk()?;
        let (entries, hash) = rest.split_first_chunk()?;
        Some(Self {
            log: *log,
            segment: u64::from_be_bytes(*segment),
            entries: u64::from_be_bytes(*entries),
            hash: hash.try_into().ok()?,
        })
    }
}
