//! K_AKMA of a subscriber, and what names it.

use alloc::vec::Vec;

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::event::Fields;
use kaskade_flow::record::{Index, Kind, Protection, Record, RowError};
use kaskade_keys::akma::KAkma;
use kaskade_keys::{AKid, Plmn, Supi};

use super::Registration;

/// K_AKMA and the A-KID that names it, by SUPI: one for each subscriber. Found by A-TID and home realm too (index 0), whatever the routing
/// indicator.
///
/// ```text
/// born 8 ‖ until 8, 0 for never ‖ serving network 3, 0xff 0xff 0xff for unknown ‖ A-KID 37 or 48      in clear
/// K_AKMA 32                                                                                             sealed
/// index 0    first 16 octets of A-TID ‖ home realm 3 or 14
/// ```
///
/// There are as many of them as subscribers: it is kept in few octets. Half of an A-TID, which is the output of a hash, tells them apart;
/// whether the whole one is right is seen in the record.
#[derive(Clone, Debug)]
pub struct AkmaContext {
    /// By what the UE calls it.
    pub a_kid: AKid,
    /// K_AKMA.
    pub(super) k_akma: KAkma,
    /// When it was registered.
    pub born: UnixMillis,
    /// Until when it is of use at most; `None`: until the next authentication.
    pub until: Option<UnixMillis>,
    /// Where the subscriber is served, as far as somebody has said.
    pub serving: Option<Plmn>,
}

const NO_PLMN: [u8; 3] = [0xff; 3];

impl AkmaContext {
    /// Its index by A-TID and home realm.
    pub const BY_A_TID: u8 = 0;

    /// The key in that index.
    pub fn index_of(a_kid: &AKid) -> Vec<u8> {
        let [first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = a_kid.a_tid().expose_in_a_kid();
        let mut octets = first.to_vec();
        octets.extend(a_kid.realm().octets());
        octets
    }

    /// What an AUSF registers, from then on, until `until` at most.
    pub fn of(registration: Registration, born: UnixMillis, until: Option<UnixMillis>) -> Self {
        let Registration { a_kid, k_akma, serving } = registration;
        Self {
            a_kid,
            k_akma,
            born,
            until,
            serving,
        }
    }

    /// Whether it is of use at this time.
    pub fn is_alive(&self, at: UnixMillis) -> bool {
        self.until.is_none_or(|until| until > at)
    }

    /// What people may see of K_AKMA.
    pub fn fingerprint(&self) -> kaskade_crypto::Fingerprint {
        kaskade_crypto::KeyMaterial::fingerprint(&self.k_akma)
    }
}

impl Record for AkmaContext {
    const KIND: Kind = Kind::new(56, "AKMA context", 1, Protection::Sealed);
    type Key = Supi;

    fn encode(&self, clear: &mut Vec<u8>, secret: &mut SecretWriter) {
        clear.extend(self.born.get().to_be_bytes());
        clear.extend(self.until.map_or(0, UnixMillis::get).to_be_bytes());
        clear.extend(self.serving.map_or(NO_PLMN, |plmn| plmn.nas_octets()));
        clear.extend(self.a_kid.octets());
        secret.key(&self.k_akma);
    }

    fn decode(_: u8, clear: &[u8], mut secret: SecretReader<'_>) -> Result<Self, RowError> {
        let (fixed, a_kid) = clear.split_at_checked(19).ok_or(RowError::Length)?;
        let mut fields = Fields::new(fixed);
        let born = UnixMillis::new(u64::from_be_bytes(fields.take()));
        let until = match u64::from_be_bytes(fields.take()) {
            0 => None,
            until => Some(UnixMillis::new(until)),
        };
        let serving = match fields.take() {
            NO_PLMN => None,
            plmn => Some(Plmn::from_nas_octets(plmn).map_err(|_| RowError::Field("serving network"))?),
        };
        let a_kid = AKid::from_octets(a_kid).map_err(|_| RowError::Field("A-KID"))?;
        let k_akma = secret.key()?;
        secret.end()?;
        Ok(Self {
            a_kid,
            k_akma,
            born,
            until,
            serving,
        })
    }

    fn expires(&self) -> Option<UnixMillis> {
        self.until
    }

    fn indexes(&self, _: &Supi, put: &mut dyn FnMut(Index<'_>)) {
        put(Index::unique(Self::BY_A_TID, &Self::index_of(&self.a_kid)));
    }
}
