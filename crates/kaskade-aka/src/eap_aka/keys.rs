//! The keys of one authentication, of either method.
//!
//! ```text
//! EAP-AKA'            CK' ‖ IK' ─ MK ─ K_encr, K_aut, K_re, MSK, EMSK
//! with a secret       CK' ‖ IK' ─ MK ─ K_encr, K_aut      CK' ‖ IK' ‖ SHARED_SECRET ─ MK_ECDHE ─ K_re, MSK, EMSK
//! EAP-AKA             CK ‖ IK ─ MK ─ K_encr, K_aut, MSK, EMSK
//! ```

use kaskade_crypto::ecdh::{AgreedSecret, EphemeralKey, Group};
use kaskade_crypto::{Ck, Ik};
use kaskade_flow::Entropy;
use kaskade_keys::eap::{AtMacKey, CkIkPrime, Emsk, KAut, KAutAka, KEncr, KRe, MkAka, Msk, SharedSecret};
use kaskade_keys::id::{EapCounter, EapIdentity, NonceS};
use kaskade_keys::umts::CkIk;
use zeroize::Zeroizing;

/// What protects messages, and stays over fast re-authentications.
#[derive(Clone, Debug)]
pub(super) struct MessageKeys {
    pub(super) k_encr: KEncr,
    pub(super) k_aut: AutKey,
}

/// K_aut of either method.
#[derive(Clone, Debug)]
pub(super) enum AutKey {
    Aka(KAutAka),
    AkaPrime(KAut),
}

impl AtMacKey for AutKey {
    fn at_mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        match self {
            Self::Aka(key) => key.at_mac(parts),
            Self::AkaPrime(key) => key.at_mac(parts),
        }
    }
}

/// What fast re-authentications start from: MK of EAP-AKA, K_re of EAP-AKA'.
#[derive(Clone, Debug)]
pub(super) enum Root {
    Aka(MkAka),
    AkaPrime(KRe),
}

/// What an authentication ends with.
#[derive(Clone, Debug)]
pub(super) struct Exported {
    pub(super) msk: Msk,
    pub(super) emsk: Emsk,
}

/// All keys of a full authentication.
#[derive(Clone, Debug)]
pub(super) struct FullKeys {
    pub(super) messages: MessageKeys,
    pub(super) root: Root,
    pub(super) exported: Exported,
}

impl FullKeys {
    /// Of EAP-AKA (RFC 4187 7).
    pub(super) fn aka(ck: &Ck, ik: &Ik, identity: &EapIdentity) -> Self {
        let mk = CkIk::from_parts(ck, ik).mk_aka(identity);
        Self {
            messages: MessageKeys {
                k_encr: mk.k_encr(),
                k_aut: AutKey::Aka(mk.k_aut()),
            },
            exported: Exported {
                msk: mk.msk(),
                emsk: mk.emsk(),
            },
            root: Root::Aka(mk),
        }
    }

    /// Of EAP-AKA' (RFC 9048 3.3).
    pub(super) fn aka_prime(ck_ik_prime: &CkIkPrime, identity: &EapIdentity) -> Self {
        let mk = ck_ik_prime.mk(identity);
        Self {
            messages: MessageKeys {
                k_encr: mk.k_encr(),
                k_aut: AutKey::AkaPrime(mk.k_aut()),
            },
            root: Root::AkaPrime(mk.k_re()),
            exported: Exported {
                msk: mk.msk(),
                emsk: mk.emsk(),
            },
        }
    }

    /// The same with what two ephemeral keys agree on: K_encr and K_aut stay (RFC 9678 6.3).
    pub(super) fn with_forward_secrecy(
        self,
        ck_ik_prime: &CkIkPrime,
        agreed: &AgreedSecret,
        identity: &EapIdentity,
    ) -> Self {
        let mk = ck_ik_prime.mk_ecdhe(&SharedSecret::from(agreed), identity);
        Self {
            messages: self.messages,
            root: Root::AkaPrime(mk.k_re()),
            exported: Exported {
                msk: mk.msk(),
                emsk: mk.emsk(),
            },
        }
    }
}

impl Root {
    /// MSK and EMSK of a fast re-authentication (RFC 4187 7, RFC 9048 3.3).
    pub(super) fn reauthenticated(&self, identity: &EapIdentity, counter: EapCounter, nonce_s: &NonceS) -> Exported {
        match self {
            Self::Aka(mk) => {
                let xkey = mk.xkey_prime(identity, counter, nonce_s);
                Exported {
                    msk: xkey.msk(),
                    emsk: xkey.emsk(),
                }
            }
            Self::AkaPrime(k_re) => {
                let mk = k_re.mk_reauthentication(identity, counter, nonce_s);
                Exported {
                    msk: mk.msk(),
                    emsk: mk.emsk(),
                }
            }
        }
    }
}

/// A key of a group out of random numbers. `None`: there are none.
pub(super) fn ephemeral(group: Group, entropy: &mut dyn Entropy) -> Option<EphemeralKey> {
    // Octets are no key of P-256 once in 2^32 times.
    (0..8).find_map(|_| {
        let mut octets = Zeroizing::new([0; 32]);
        entropy.fill(&mut *octets).ok()?;
        EphemeralKey::from_octets(group, &octets)
    })
}

/// The public key in AT_PUB_ECDHE, which zeros fill up to a multiple of 4 octets. `None`: it is of another length.
pub(super) fn public_key_in(group: Group, value: &[u8]) -> Option<&[u8]> {
    let len = group.public_key_len();
    let fits = value.len() == (len + 2).next_multiple_of(4) - 2;
    value.get(..len).filter(|_| fits)
}
