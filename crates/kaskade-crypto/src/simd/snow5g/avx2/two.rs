//! Two messages side by side.

use super::registers::{RegistersOfTwo, lanes_of};
use super::{Avx2, add, add_part, apply_with};
use crate::nxa256::snow5g::state::State;

/// Runs the 16 rounds before the first output of each of these states, and adds the keystream to its message.
pub(crate) fn apply_two(_: Avx2, states: &mut [State; 2], messages: [&mut [u8]; 2]) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { apply(states, messages) }
}

#[target_feature(enable = "avx2,aes")]
fn apply(states: &mut [State; 2], [s, t]: [&mut [u8]; 2]) {
    let mut registers = RegistersOfTwo::of(states);
    registers.initialise();

    let shortest = s.len().min(t.len());
    for (s, t) in s.as_chunks_mut().0.iter_mut().zip(t.as_chunks_mut().0) {
        let [first, second] = lanes_of(registers.round());
        add(s, first);
        add(t, second);
    }
    let done = shortest / 16 * 16;
    if s.len() == t.len() {
        if done < shortest {
            let [first, second] = lanes_of(registers.round());
            add_part(&mut s[done..], first);
            add_part(&mut t[done..], second);
        }
        return;
    }
    // What the longer one has beyond the shorter, and the part of a block before it.
    registers.put(states);
    for (state, message) in states.iter_mut().zip([s, t]) {
        apply_with(state, &mut message[done..]);
    }
}
