//! Hexadecimal digits of keys and answers, as they travel in JSON: K_AUSF, K_SEAF and RES* written, RES* read.

use kaskade_codec::hex;

use crate::check::{Checks, Verdict, constant_time, constant_time_but_for, hidden, secret};

/// All digits of either case, one at a time, as secrets.
fn reads<const N: usize>(digits: &'static [u8]) -> Verdict {
    let text: Vec<u8> = digits.iter().copied().cycle().take(2 * N).collect();
    // That all of them are digits is public: an answer that is none is refused.
    constant_time_but_for(1, || {
        let mut text = text.clone();
        for digit in &mut text {
            let [hidden] = hidden([*digit]);
            *digit = hidden;
        }
        let mut octets = [0; N];
        assert!(hex::read(&text, &mut octets), "digits");
        octets
    })
}

pub(crate) fn run(checks: &mut Checks) {
    checks.holds("hexadecimal digits: written", || {
        constant_time(|| {
            let mut out = Vec::with_capacity(64);
            hex::push(&mut out, &secret::<32>(1));
            out
        })
    });
    for (name, digits) in [("lower case", b"0123456789abcdef"), ("upper case", b"0123456789ABCDEF")] {
        checks.holds(&format!("hexadecimal digits: 32 read, {name}"), || reads::<16>(digits));
        checks.holds(&format!("hexadecimal digits: 64 read, {name}"), || reads::<32>(digits));
    }
}
