//! Four messages side by side.

use core::arch::x86_64::__m512i;

use super::registers::{RegistersOfFour, lanes_of};
use super::{Avx512, add, apply_with};
use crate::nxa256::snow5g::state::State;

/// Runs the 16 rounds before the first output of each of these states, and adds the keystream to its message.
pub(crate) fn apply_four(_: Avx512, states: &mut [State; 4], messages: [&mut [u8]; 4]) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { apply(states, messages) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,aes,vaes")]
fn apply(states: &mut [State; 4], [s, t, u, v]: [&mut [u8]; 4]) {
    let mut registers = RegistersOfFour::of(states);
    registers.initialise();

    // Whole blocks first: a store of a part keeps the processor waiting where the octets are read soon.
    let shortest = s.len().min(t.len()).min(u.len()).min(v.len());
    let (whole, _) = s.as_chunks_mut::<16>();
    let others = t
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip(u.as_chunks_mut().0)
        .zip(v.as_chunks_mut().0);
    for (s, ((t, u), v)) in whole.iter_mut().zip(others) {
        add_to_each([s, t, u, v], registers.round());
    }
    let done = shortest / 16 * 16;
    if done < shortest {
        let parts = [&mut s[done..], &mut t[done..], &mut u[done..], &mut v[done..]];
        add_to_each(parts, registers.round());
    }

    // What the longer ones have beyond the shortest.
    let done = shortest.next_multiple_of(16);
    if [&s, &t, &u, &v].into_iter().any(|message| message.len() > done) {
        registers.put(states);
        for (state, message) in states.iter_mut().zip([s, t, u, v]) {
            if let Some(rest) = message.get_mut(done..) {
                apply_with(state, rest);
            }
        }
    }
}

/// Adds to each message its lane of the keystream, as far as it goes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn add_to_each<M: AsMut<[u8]> + ?Sized>(messages: [&mut M; 4], keystream: __m512i) {
    for (message, keystream) in messages.into_iter().zip(lanes_of(keystream)) {
        add(message.as_mut(), keystream);
    }
}
