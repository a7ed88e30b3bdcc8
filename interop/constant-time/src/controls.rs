//! Code that leaks on purpose. If these leaks are not seen, it says nothing that no others are seen.

use std::hint::black_box;

use crate::check::{Checks, constant_time, decision, secret, xor};

/// The mistake that everybody makes once.
#[inline(never)]
fn compare_until_different(left: &[u8], right: &[u8]) -> bool {
    for (left, right) in left.iter().zip(right) {
        if left != right {
            return false;
        }
    }
    true
}

/// An S-box as a table.
#[inline(never)]
fn look_up(table: &[u8; 256], at: u8) -> u8 {
    table[usize::from(at)]
}

pub(crate) fn run(checks: &mut Checks) {
    checks.leaks("a comparison that stops at the first difference", || {
        decision::<16>(|difference| {
            compare_until_different(&black_box(secret::<16>(1)), &black_box(xor(secret(1), difference)))
        })
    });
    checks.leaks("a branch", || {
        constant_time(|| {
            let mut key = secret::<16>(1);
            if black_box(key[3]) & 1 == 1 {
                key[4] = black_box(7);
            }
            key
        })
    });
    checks.leaks("a look-up in a table", || {
        let mut table = [0; 256];
        table[7] = 1;
        constant_time(|| [look_up(black_box(&table), black_box(secret::<1>(7)[0])) ^ secret::<1>(0)[0]])
    });
    checks.leaks("an output that depends on no secret", || constant_time(|| [0_u8; 16]));
}
