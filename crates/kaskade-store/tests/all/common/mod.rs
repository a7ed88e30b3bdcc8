//! What the store's tests share.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kaskade_aka::sqn::{Clocks, Ind, Seq, SqnLayout};
use kaskade_crypto::{Amf, K, Op, Opc, Sqn};
use kaskade_keys::Supi;
use kaskade_store::{
    AuthMethods, MasterKey, OpOrOpc, SqnRecord, SqnScheme, StoreOptions, Subscriber, SubscriberSecrets, Subscription,
};

/// A folder and a master key in it.
pub(crate) fn folder() -> (tempfile::TempDir, MasterKey) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = MasterKey::create(&folder.path().join("master.key")).expect("a new master key");
    (folder, key)
}

pub(crate) fn supi(number: u64) -> Supi {
    format!("imsi-00101{number:010}").parse().expect("an IMSI")
}

/// What K and the operator code of a [`subscriber`] are made of.
pub(crate) fn secret_octets(number: u64) -> [u8; 16] {
    u128::from(number)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        .to_be_bytes()
}

pub(crate) fn subscriber(number: u64, scheme: SqnScheme) -> Subscriber {
    let octets = secret_octets(number);
    Subscriber {
        supi: supi(number),
        secrets: SubscriberSecrets::milenage(
            K::from_octets(&octets),
            if number.is_multiple_of(2) {
                OpOrOpc::Opc(Opc::from_octets(&octets))
            } else {
                OpOrOpc::Op(Op::from_octets(&octets))
            },
        ),
        amf: Amf::SEPARATION,
        methods: AuthMethods::FIVE_G_AKA,
        subscription: Subscription::default(),
        sqn: SqnRecord::blank(scheme),
    }
}

pub(crate) fn split(sqn: Sqn) -> (u64, u8) {
    let (Seq(seq), Ind(ind)) = SqnLayout::ANNEX_C3.split(sqn);
    (seq, ind)
}

/// A clock that tests turn: seconds of wall and monotonic time.
#[derive(Clone, Default)]
pub(crate) struct Hands {
    wall: Arc<AtomicU64>,
    monotonic: Arc<AtomicU64>,
}

pub(crate) const START: u64 = 1_700_000_000;

impl Hands {
    pub(crate) fn new() -> Self {
        let hands = Self::default();
        hands.set_wall(START);
        hands
    }

    pub(crate) fn set_wall(&self, seconds: u64) {
        self.wall.store(seconds, Ordering::SeqCst);
    }

    pub(crate) fn wall(&self) -> u64 {
        self.wall.load(Ordering::SeqCst)
    }

    /// Both clocks go on.
    pub(crate) fn pass(&self, seconds: u64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
        self.monotonic.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn options(&self) -> StoreOptions {
        let hands = self.clone();
        let mut options = StoreOptions::default();
        options.clock = Arc::new(move || Clocks {
            wall: Duration::from_secs(hands.wall.load(Ordering::SeqCst)),
            monotonic: Duration::from_secs(hands.monotonic.load(Ordering::SeqCst)),
        });
        options
    }
}
