//! SEQ, IND, and how many bits of SQN each has.

use kaskade_crypto::Sqn;

/// SEQ: the part of SQN that must grow (TS 33.102 Annex C.1.1). 43 bits in the usual layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// IND: the index into the USIM's array of highest accepted SEQ (TS 33.102 Annex C.1.2). 0 to 31 in the usual layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ind(pub u8);

/// How SQN is split: the IND has the low `ind_bits` bits (TS 33.102 Annex C.3 uses 5, an array of 32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SqnLayout {
    ind_bits: u8,
}

impl SqnLayout {
    /// 5 bits of IND, 43 bits of SEQ: all three profiles of TS 33.102 Annex C.3.
    pub const ANNEX_C3: Self = Self { ind_bits: 5 };

    /// Takes 0 to 8 bits of IND.
    pub const fn new(ind_bits: u8) -> Option<Self> {
        if ind_bits > 8 { None } else { Some(Self { ind_bits }) }
    }

    /// Bits of the IND.
    pub const fn ind_bits(self) -> u8 {
        self.ind_bits
    }

    /// How many values IND has: the size of the USIM's array.
    pub const fn array_size(self) -> usize {
        1 << self.ind_bits
    }

    /// The largest SEQ.
    pub const fn max_seq(self) -> Seq {
        Seq((1 << (48 - self.ind_bits)) - 1)
    }

    /// SQN = SEQ ‖ IND; `None` when one of them has too many bits.
    pub fn join(self, seq: Seq, ind: Ind) -> Option<Sqn> {
        if seq > self.max_seq() || usize::from(ind.0) >= self.array_size() {
            return None;
        }
        Sqn::new(seq.0 << self.ind_bits | u64::from(ind.0))
    }

    /// SEQ and IND of an SQN.
    pub fn split(self, sqn: Sqn) -> (Seq, Ind) {
        let ind = sqn.value() & (self.array_size() as u64 - 1);
        // At most 8 bits by construction.
        (
            Seq(sqn.value() >> self.ind_bits),
            Ind(u8::try_from(ind).unwrap_or(u8::MAX)),
        )
    }
}

impl Default for SqnLayout {
    fn default() -> Self {
        Self::ANNEX_C3
    }
}
