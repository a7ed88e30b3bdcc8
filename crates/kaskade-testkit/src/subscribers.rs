//! Subscribers by number.

use kaskade_aka::auc::Credentials;
use kaskade_crypto::{Amf, K, Op, Opc};
use kaskade_keys::Supi;
use kaskade_store::{
    AuthMethods, OpOrOpc, SqnRecord, SqnScheme, StoreError, Subscriber, SubscriberSecrets, SubscriberStore,
    Subscription,
};

/// The SUPI of a number: an IMSI of the test network 001 01.
///
/// # Panics
/// When the number has more than ten digits.
pub fn supi(number: u64) -> Supi {
    format!("imsi-00101{number:010}").parse().expect("an IMSI")
}

/// What K and the operator code of a [`subscriber`] are made of.
pub fn secret_octets(number: u64) -> [u8; 16] {
    u128::from(number)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        .to_be_bytes()
}

/// The subscriber of a number, with MILENAGE and 5G AKA, as a new one: even ones have an OPc, odd ones an OP.
pub fn subscriber(number: u64, scheme: SqnScheme) -> Subscriber {
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

/// What vectors of a subscriber are made of, as the store's custody opens it; `None` when there is none. A program asks the
/// custody for vectors, and never sees this.
///
/// # Errors
/// When reading fails or the row does not open; [`StoreError::GsmOnly`] when no vectors can be made of it.
pub fn credentials(store: &SubscriberStore, supi: &Supi) -> Result<Option<Credentials>, StoreError> {
    let Some(card) = store.card(supi)? else { return Ok(None) };
    let secrets = store.custody().open(&card.sealed).wait()?;
    let keys = secrets.algorithm_keys().ok_or(StoreError::GsmOnly)?;
    Ok(Some(Credentials { keys, amf: card.amf }))
}
