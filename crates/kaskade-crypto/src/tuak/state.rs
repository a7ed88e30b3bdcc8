//! The block of TUAK as 25 numbers, and the permutation of it (TS 35.231).

use keccak::Keccak;

use super::parameters::{Iterations, KeySize, MacSize, ResSize, Sizes, TuakKey, VectorRes};
use crate::types::{Ak, Amf, Rand, Res, Sqn, Top, Topc};
use crate::wipe::Wiped;

/// `TUAK1.0`, in the place above INSTANCE.
const ALGORITHM_NAME: u64 = u64::from_be_bytes(*b"TUAK1.0\0");
/// The first octet of the padding, 96.
const PADDING: u64 = 0x1f;
/// The last octet of the padding, 135, in number 16.
const END_OF_PADDING: u64 = 0x80 << 56;

/// INSTANCE of f1*, beside its sizes.
const F1_STAR: u8 = 0x80;
/// INSTANCE of f2 to f5, beside its sizes.
const F2345: u8 = 0x40;
/// INSTANCE of f5*.
const F5_STAR: u8 = 0xc0;

/// What does not change from challenge to challenge.
#[derive(Clone)]
pub(super) struct Keyed {
    /// TOPc, then K: the four numbers of each.
    secrets: Wiped<u64, 8>,
    /// The bit of INSTANCE for a K of 32 octets.
    k256: u8,
    iterations: Iterations,
}

impl Keyed {
    #[inline]
    pub(super) fn new(k: &TuakKey, topc: &Topc, iterations: Iterations) -> Self {
        Self::with_first(k, topc.secret_octets(), iterations)
    }

    #[inline]
    fn with_first(k: &TuakKey, first: &[u8; 32], iterations: Iterations) -> Self {
        let mut secrets = Wiped([0; 8]);
        let (of_first, of_k) = secrets.0.split_at_mut(4);
        load(of_first, first);
        let k256 = match k {
            TuakKey::K128(k) => {
                load(of_k, k.secret_octets());
                0
            }
            TuakKey::K256(k) => {
                load(of_k, k.secret_octets());
                1
            }
        };
        Self {
            secrets,
            k256,
            iterations,
        }
    }

    /// TOP in the place of TOPc, everything else but K zero.
    pub(super) fn topc(k: &TuakKey, top: &Top, iterations: Iterations) -> Wiped<u8, 32> {
        let keyed = Self::with_first(k, top.secret_octets(), iterations);
        let zero = Rand::from_octets([0; 16]);
        keyed.permuted(keyed.block(0, &zero, 0)).octets::<0, 4, 32>()
    }

    #[inline]
    pub(super) fn f1(&self, mac: MacSize, rand: &Rand, sqn: Sqn, amf: Amf) -> Outputs {
        self.permuted(self.block(of_mac(mac), rand, sqn_and_amf(sqn, amf)))
    }

    #[inline]
    pub(super) fn f1_star(&self, mac: MacSize, rand: &Rand, sqn: Sqn, amf: Amf) -> Outputs {
        self.permuted(self.block(F1_STAR | of_mac(mac), rand, sqn_and_amf(sqn, amf)))
    }

    #[inline]
    pub(super) fn f2345(&self, sizes: Sizes, rand: &Rand) -> Outputs {
        self.permuted(self.block(of_f2345(sizes), rand, 0))
    }

    #[inline]
    pub(super) fn f5_star(&self, rand: &Rand) -> Outputs {
        self.permuted(self.block(F5_STAR, rand, 0))
    }

    /// Both blocks of a vector.
    #[inline]
    pub(super) fn f1_and_f2345(&self, sizes: Sizes, rand: &Rand, sqn: Sqn, amf: Amf) -> [Outputs; 2] {
        [self.f1(sizes.mac, rand, sqn, amf), self.f2345(sizes, rand)]
    }

    #[inline(always)]
    fn block(&self, instance: u8, rand: &Rand, sqn_and_amf: u64) -> Outputs {
        let mut block = Outputs(Wiped([0; 25]));
        let numbers = &mut block.0.0;
        let [top0, top1, top2, top3, k0, k1, k2, k3] = self.secrets.0;
        numbers[..4].copy_from_slice(&[top0, top1, top2, top3]);
        numbers[4] = ALGORITHM_NAME | u64::from(instance | self.k256);
        load(&mut numbers[5..7], rand.octets());
        numbers[7] = sqn_and_amf;
        numbers[8..12].copy_from_slice(&[k0, k1, k2, k3]);
        numbers[12] = PADDING;
        numbers[16] = END_OF_PADDING;
        block
    }

    #[inline(always)]
    fn permuted(&self, mut block: Outputs) -> Outputs {
        Keccak::new().with_f1600(|permute| {
            for _ in 0..self.iterations.count() {
                permute(&mut block.0.0);
            }
        });
        block
    }
}

impl zeroize::ZeroizeOnDrop for Keyed {}

/// A block after the permutation. Wiped on drop.
pub(super) struct Outputs(Wiped<u64, 25>);

impl Outputs {
    /// The first eight octets of MAC.
    #[inline(always)]
    pub(super) fn first_octets(&self) -> [u8; 8] {
        self.0.0[0].to_be_bytes()
    }

    /// MAC or RES of at most 32 octets, at the end.
    pub(super) fn mac_or_res(&self) -> Wiped<u8, 32> {
        self.octets::<0, 4, 32>()
    }

    /// RES in the size of a quintet.
    #[inline(always)]
    pub(super) fn res(&self, size: VectorRes) -> Res {
        let Wiped(octets) = &self.octets::<0, 2, 16>();
        // RES is at the end of the number: a shift brings it to the front.
        let Wiped([res]) = &Wiped([u128::from_be_bytes(*octets) << (128 - 8 * u32::from(size.octets()))]);
        Res::from_first(res.to_be_bytes(), size.octets())
    }

    /// CK of 16 octets.
    #[inline(always)]
    pub(super) fn ck(&self) -> Wiped<u8, 16> {
        self.octets::<4, 2, 16>()
    }

    /// IK of 16 octets.
    #[inline(always)]
    pub(super) fn ik(&self) -> Wiped<u8, 16> {
        self.octets::<8, 2, 16>()
    }

    /// CK of at most 32 octets, at the end.
    pub(super) fn long_ck(&self) -> Wiped<u8, 32> {
        self.octets::<4, 4, 32>()
    }

    /// IK of at most 32 octets, at the end.
    pub(super) fn long_ik(&self) -> Wiped<u8, 32> {
        self.octets::<8, 4, 32>()
    }

    /// AK.
    #[inline(always)]
    pub(super) fn ak(&self) -> Ak {
        let [_, _, a, b, c, d, e, f] = self.0.0[12].to_be_bytes();
        Ak::from_octets(&[a, b, c, d, e, f])
    }

    /// `NUMBERS` numbers from `FIRST` on as octets, the last number first.
    #[inline(always)]
    fn octets<const FIRST: usize, const NUMBERS: usize, const N: usize>(&self) -> Wiped<u8, N> {
        const { assert!(8 * NUMBERS == N && FIRST + NUMBERS <= 25) }
        let mut octets = Wiped([0; N]);
        let (places, _) = octets.0.as_chunks_mut::<8>();
        for (place, number) in places.iter_mut().zip(self.0.0[FIRST..FIRST + NUMBERS].iter().rev()) {
            *place = number.to_be_bytes();
        }
        octets
    }
}

/// The number 7: SQN above AMF.
#[inline(always)]
fn sqn_and_amf(sqn: Sqn, amf: Amf) -> u64 {
    sqn.value() << 16 | u64::from(u16::from_be_bytes(*amf.octets()))
}

/// Octets as numbers, the last eight octets first.
#[inline(always)]
fn load(numbers: &mut [u64], octets: &[u8]) {
    let (chunks, _) = octets.as_chunks::<8>();
    for (number, chunk) in numbers.iter_mut().zip(chunks.iter().rev()) {
        *number = u64::from_be_bytes(*chunk);
    }
}

/// The bits of INSTANCE for the size of MAC.
const fn of_mac(mac: MacSize) -> u8 {
    match mac {
        MacSize::Octets8 => 0x08,
        MacSize::Octets16 => 0x10,
        MacSize::Octets32 => 0x20,
    }
}

/// INSTANCE of f2 to f5, but for the size of K.
const fn of_f2345(sizes: Sizes) -> u8 {
    let res = match sizes.res {
        ResSize::Octets4 => 0,
        ResSize::Octets8 => 0x08,
        ResSize::Octets16 => 0x10,
        ResSize::Octets32 => 0x20,
    };
    let ck = match sizes.ck {
        KeySize::Octets16 => 0,
        KeySize::Octets32 => 0x04,
    };
    let ik = match sizes.ik {
        KeySize::Octets16 => 0,
        KeySize::Octets32 => 0x02,
    };
    F2345 | res | ck | ik
}
