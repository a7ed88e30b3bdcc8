//! The data objects of UMTS AKA that algorithms take and give (TS 33.102 6.3).
//!
//! Secrets are made by [`secret_octets!`](crate::secret_octets); what travels in clear (RAND, AUTN, AUTS, AMF, MACs) is plain data with
//! a constant-time comparison where an attacker could measure it.

use subtle::{Choice, ConstantTimeEq};

use crate::secret_octets;

secret_octets! {
    /// K: the long-term secret of one subscription, shared by USIM and home network. 16 octets (TS 33.102 6.3).
    pub struct K(16) = "K" {}

    /// OP: the operator variant of MILENAGE, before it is bound to K. 16 octets (TS 35.206 3).
    pub struct Op(16) = "OP" {}

    /// OPc: OP bound to K; what a card stores. 16 octets (TS 35.206 4.1).
    pub struct Opc(16) = "OPc" {}

    /// K of 256 bits: the long-term secret of a TUAK subscription that uses the longer form. 32 octets (TS 35.231).
    pub struct K256(32) = "K-256" {}

    /// TOP: the operator variant of TUAK, before it is bound to K. 32 octets (TS 35.231).
    pub struct Top(32) = "TOP" {}

    /// TOPc: TOP bound to K; what a card stores. 32 octets (TS 35.231).
    pub struct Topc(32) = "TOPc" {}

    /// CK: the confidentiality key, f3. 16 octets (TS 33.102 6.3).
    pub struct Ck(16) = "CK", shown_to_operator {
        /// To a derivation outside this crate, which has CK in its key or its input.
        expose_to_derivation,
        /// To an EAP server that derives from it: hostapd's, in a laboratory.
        expose_to_eap_server,
    }

    /// IK: the integrity key, f4. 16 octets (TS 33.102 6.3).
    pub struct Ik(16) = "IK", shown_to_operator {
        /// To a derivation outside this crate, which has IK in its key or its input.
        expose_to_derivation,
        /// To an EAP server that derives from it: hostapd's, in a laboratory.
        expose_to_eap_server,
    }

    /// AK: the anonymity key that hides SQN, f5 or f5*. 6 octets (TS 33.102 6.3).
    pub struct Ak(6) = "AK", shown_to_operator {
        /// To a derivation outside this crate, which has AK in its key or its input.
        expose_to_derivation,
    }
}

macro_rules! open_octets {
    ($( $(#[$meta:meta])* $Name:ident($len:expr) )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Name([u8; $len]);

        impl $Name {
            /// Length in octets.
            pub const LEN: usize = $len;

            /// Takes the octets as they travel.
            pub const fn from_octets(octets: [u8; $len]) -> Self {
                Self(octets)
            }

            /// The octets as they travel.
            pub const fn octets(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl ConstantTimeEq for $Name {
            fn ct_eq(&self, other: &Self) -> Choice {
                self.0[..].ct_eq(&other.0[..])
            }
        }

        /// In constant time.
        impl PartialEq for $Name {
            fn eq(&self, other: &Self) -> bool {
                self.ct_eq(other).into()
            }
        }

        impl Eq for $Name {}
    )*};
}

open_octets! {
    /// RAND: the random challenge, 16 octets (TS 33.102 6.3.2).
    Rand(16)

    /// AMF: the authentication management field, 2 octets (TS 33.102 6.3.2, Annex F and H). Not the 5G network function.
    Amf(2)

    /// MAC-A: f1, the network's proof to the USIM, 8 octets (TS 33.102 6.3.2).
    MacA(8)

    /// MAC-S: f1*, the USIM's proof in a resynchronisation, 8 octets (TS 33.102 6.3.3).
    MacS(8)

    /// AUTN: (SQN ⊕ AK) ‖ AMF ‖ MAC-A, 16 octets (TS 33.102 6.3.2).
    Autn(16)

    /// AUTS: (SQN_MS ⊕ AK*) ‖ MAC-S, 14 octets (TS 33.102 6.3.3).
    Auts(14)
}

impl Amf {
    /// The value of most home networks for EPS and 5GS: separation bit set, all else zero.
    pub const SEPARATION: Self = Self([0x80, 0x00]);

    /// The value in the MAC-S of a resynchronisation: all zero (TS 33.102 6.3.3).
    pub const RESYNCHRONISATION: Self = Self([0x00, 0x00]);

    /// The AMF separation bit: bit 0, the most significant bit of the first octet. EPS and 5GS require it to be set
    /// (TS 33.102 Annex H, TS 33.401 6.1.1).
    pub const fn separation_bit(&self) -> bool {
        self.0[0] & 0x80 != 0
    }
}

impl Op {
    /// The same octets as OPc, to ask whether somebody took the one for the other: they look alike.
    pub fn read_as_opc(&self) -> Opc {
        Opc(self.0)
    }
}

impl Opc {
    /// The same octets as OP: see [`Op::read_as_opc`].
    pub fn read_as_op(&self) -> Op {
        Op(self.0)
    }
}

impl Top {
    /// The same octets as TOPc: see [`Op::read_as_opc`].
    pub fn read_as_topc(&self) -> Topc {
        Topc(self.0)
    }
}

impl Topc {
    /// The same octets as TOP: see [`Op::read_as_opc`].
    pub fn read_as_top(&self) -> Top {
        Top(self.0)
    }
}

impl Autn {
    /// Puts AUTN together.
    pub fn from_parts(sqn_xor_ak: [u8; 6], amf: Amf, mac_a: &MacA) -> Self {
        let mut octets = [0; 16];
        octets[..6].copy_from_slice(&sqn_xor_ak);
        octets[6..8].copy_from_slice(&amf.0);
        octets[8..].copy_from_slice(&mac_a.0);
        Self(octets)
    }

    /// SQN ⊕ AK: octets 0..5.
    pub fn sqn_xor_ak(&self) -> [u8; 6] {
        let [a, b, c, d, e, f, ..] = self.0;
        [a, b, c, d, e, f]
    }

    /// AMF: octets 6..7.
    pub fn amf(&self) -> Amf {
        Amf([self.0[6], self.0[7]])
    }

    /// MAC-A: octets 8..15.
    pub fn mac_a(&self) -> MacA {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        MacA([a, b, c, d, e, f, g, h])
    }
}

impl Auts {
    /// Puts AUTS together.
    pub fn from_parts(sqn_ms_xor_ak_star: [u8; 6], mac_s: &MacS) -> Self {
        let mut octets = [0; 14];
        octets[..6].copy_from_slice(&sqn_ms_xor_ak_star);
        octets[6..].copy_from_slice(&mac_s.0);
        Self(octets)
    }

    /// SQN_MS ⊕ AK*: octets 0..5.
    pub fn sqn_ms_xor_ak_star(&self) -> [u8; 6] {
        let [a, b, c, d, e, f, ..] = self.0;
        [a, b, c, d, e, f]
    }

    /// MAC-S: octets 6..13.
    pub fn mac_s(&self) -> MacS {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        MacS([a, b, c, d, e, f, g, h])
    }
}

/// SQN: the 48-bit sequence number, SEQ ‖ IND (TS 33.102 6.3.2 and Annex C). Six octets, most significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sqn(u64);

impl Sqn {
    /// The largest value, 2^48 − 1.
    pub const MAX: Self = Self((1 << 48) - 1);

    /// Takes a number; `None` when it needs more than 48 bits.
    pub const fn new(value: u64) -> Option<Self> {
        if value > Self::MAX.0 { None } else { Some(Self(value)) }
    }

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// Reads six octets.
    pub const fn from_octets(octets: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = octets;
        Self(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// The six octets.
    pub const fn octets(self) -> [u8; 6] {
        let [_, _, a, b, c, d, e, f] = self.0.to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// SQN ⊕ AK, as AUTN and AUTS carry it.
    pub fn xor_ak(self, ak: &Ak) -> [u8; 6] {
        xor6(self.octets(), ak)
    }

    /// Opens SQN ⊕ AK.
    pub fn from_xor_ak(concealed: [u8; 6], ak: &Ak) -> Self {
        Self::from_octets(xor6(concealed, ak))
    }
}

fn xor6(mut octets: [u8; 6], ak: &Ak) -> [u8; 6] {
    for (octet, mask) in octets.iter_mut().zip(ak.secret_octets()) {
        *octet ^= mask;
    }
    octets
}

/// RES or XRES: f2, 4 to 16 octets (TS 33.102 6.3.2). MILENAGE gives 8, TUAK 4, 8 or 16.
///
/// Equality takes constant time for equal lengths; the length is public.
#[derive(Clone)]
pub struct Res {
    octets: [u8; 16],
    len: u8,
}

impl Res {
    /// Takes 4 to 16 octets; `None` for any other length.
    pub fn from_slice(slice: &[u8]) -> Option<Self> {
        if !(4..=16).contains(&slice.len()) {
            return None;
        }
        let mut octets = [0; 16];
        octets[..slice.len()].copy_from_slice(slice);
        Some(Self {
            octets,
            len: u8::try_from(slice.len()).ok()?,
        })
    }

    /// The first `len` octets of `octets`, 4 to 16.
    #[inline]
    pub(crate) fn from_first(mut octets: [u8; 16], len: u8) -> Self {
        for (octet, index) in octets.iter_mut().zip(0..) {
            // The length is public.
            if index >= len {
                *octet = 0;
            }
        }
        Self {
            octets,
            len: len.clamp(4, 16),
        }
    }

    /// Takes the 8 octets that MILENAGE gives.
    #[inline]
    pub(crate) fn from_octets(octets: [u8; 8]) -> Self {
        let octets = u128::from(u64::from_le_bytes(octets)).to_le_bytes();
        Self { octets, len: 8 }
    }

    /// The octets of their actual length.
    #[inline]
    pub fn octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }
}

impl core::fmt::Debug for Res {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RES(…)")
    }
}

impl PartialEq for Res {
    fn eq(&self, other: &Self) -> bool {
        self.octets().ct_eq(other.octets()).into()
    }
}

impl Eq for Res {}

impl Drop for Res {
    fn drop(&mut self) {
        crate::wipe::wipe(&mut self.octets);
    }
}
