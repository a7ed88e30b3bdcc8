//! The same random numbers in every run.

/// SplitMix64. Good enough to choose what a test does next, and no source of keys.
#[derive(Clone, Debug, Default)]
pub struct Random(u64);

impl Random {
    /// Two of one seed give the same numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one, of 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next one below a limit, which is not 0.
    pub const fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the author's program, <https://prng.di.unimi.it/splitmix64.c>, with the seed 1234567.
    #[test]
    fn it_is_splitmix64() {
        let mut random = Random::new(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!([(); 3].map(|()| random.next()), expected);
    }
}
