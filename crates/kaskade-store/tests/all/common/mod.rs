//! What the store's tests share.
#![allow(dead_code, reason = "each test binary uses a part")]

use kaskade_aka::sqn::{Ind, Seq, SqnLayout};
use kaskade_crypto::Sqn;
use kaskade_store::MasterKey;
pub(crate) use kaskade_testkit::clock::{Hands, START};
pub(crate) use kaskade_testkit::subscribers::{credentials, secret_octets, subscriber, supi};

/// A folder and a master key in it.
pub(crate) fn folder() -> (tempfile::TempDir, MasterKey) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = MasterKey::create(&folder.path().join("master.key")).expect("a new master key");
    (folder, key)
}

pub(crate) fn split(sqn: Sqn) -> (u64, u8) {
    let (Seq(seq), Ind(ind)) = SqnLayout::ANNEX_C3.split(sqn);
    (seq, ind)
}
