//! The KDF and SHA-256: keys and parameters are secret, lengths are public.

use kaskade_crypto::cipher::BackEnd;
use kaskade_crypto::kdf::batch::HmacKeys;
use kaskade_crypto::kdf::{Fc, HmacKey, sha256, sha256_one_block};

use crate::check::{Checks, constant_time, decision, secret, secret_vec, xor};
use crate::ciphers::on;

pub(crate) fn run(checks: &mut Checks) {
    checks.holds("KDF: S of one block", || {
        constant_time(|| {
            let key = HmacKey::new(&secret::<32>(1));
            *key.kdf(Fc::new(0x6a)).parameter(&secret::<16>(2)).finish().all()
        })
    });
    checks.holds("KDF: S of several blocks", || {
        constant_time(|| {
            let key = HmacKey::from_two(&secret::<16>(1), &secret::<16>(2));
            let derived = key.derive(Fc::extended(0x01), |s| {
                s.push(&secret_vec(150)).push(&secret::<6>(3));
            });
            *derived.all()
        })
    });
    checks.holds("HMAC: a key longer than a block", || {
        constant_time(|| *HmacKey::new(&secret_vec(100)).mac(&secret_vec(300)).all())
    });
    checks.holds("HMAC: ==", || {
        decision::<32>(|difference| {
            let [one, other] = [secret(1), xor(secret(1), difference)].map(|key| HmacKey::new(&key).mac(b"message"));
            one == other
        })
    });
    checks.holds("SHA-256", || {
        constant_time(|| sha256(&[&secret_vec(200), &secret_vec(3)]))
    });
    checks.holds("SHA-256 of HRES*", || {
        constant_time(|| sha256_one_block(&secret(1), &secret(2)))
    });
    for back_end in BackEnd::ALL {
        let keys = || {
            let keys: Vec<_> = (0..13)
                .map(|number| (secret::<16>(number), secret::<16>(number ^ 0x80)))
                .collect();
            HmacKeys::with_back_end(back_end, keys.iter().map(|(ck, ik)| (&ck[..], &ik[..])))
        };
        on(
            checks,
            &format!("KDF {back_end:?}: many keys"),
            back_end,
            keys().is_ok(),
            || {
                constant_time(|| {
                    let outputs = keys().expect("available").derive(Fc::new(0x6a), 0_u8.., |lane, s| {
                        s.push(&secret_vec(10 * usize::from(lane))).push(&secret::<6>(3));
                    });
                    outputs
                        .of_lanes()
                        .iter()
                        .map(|output| *output.all())
                        .collect::<Vec<_>>()
                        .concat()
                })
            },
        );
    }
}
