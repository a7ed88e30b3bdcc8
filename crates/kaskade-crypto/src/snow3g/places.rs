//! Which message is in which lane of a batch, and how far it is.

use super::Stages;

/// The message of a lane.
#[derive(Default)]
pub(crate) struct Place<'m> {
    /// What is still to be ciphered; nothing if the lane is free.
    rest: &'m mut [u8],
    /// Blocks since the message came, up to 3: two initialise.
    age: u8,
}

/// The messages of a batch on their way through lanes that take blocks of sixteen steps. A lane that is through with
/// its message takes the next one at the end of a block, so that messages of all lengths can be mixed.
pub(crate) struct Places<'m, I, const LANES: usize> {
    messages: I,
    waiting: bool,
    places: [Place<'m>; LANES],
}

/// What the lanes do in the next block, a bit for each.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// They have a new message.
    pub(crate) fresh: u16,
    /// They initialise.
    pub(crate) initialising: u16,
    /// Those of them that do so for the second block.
    pub(crate) initialising_again: u16,
    /// They cipher.
    pub(crate) ciphering: u16,
}

impl<'m, I: Iterator<Item = (Stages, &'m mut [u8])>, const LANES: usize> Places<'m, I, LANES> {
    pub(crate) fn new(messages: I) -> Self {
        Self {
            messages,
            waiting: true,
            places: core::array::from_fn(|_| Place::default()),
        }
    }

    /// Fills free lanes, whose stages it gives to `put`; `None` when all messages are through.
    #[inline(always)]
    pub(crate) fn turn(&mut self, mut put: impl FnMut(usize, &Stages)) -> Option<Turn> {
        let mut turn = Turn {
            fresh: 0,
            initialising: 0,
            initialising_again: 0,
            ciphering: 0,
        };
        for (lane, place) in self.places.iter_mut().enumerate() {
            if place.rest.is_empty() && self.waiting {
                match self.messages.next() {
                    Some((stages, rest)) => {
                        put(lane, &stages);
                        *place = Place { rest, age: 0 };
                        turn.fresh |= 1 << lane;
                    }
                    None => self.waiting = false,
                }
            }
            if !place.rest.is_empty() {
                turn.initialising |= u16::from(place.age < 2) << lane;
                turn.initialising_again |= u16::from(place.age == 1) << lane;
                turn.ciphering |= u16::from(place.age >= 2) << lane;
            }
        }
        (turn.initialising | turn.ciphering != 0).then_some(turn)
    }

    /// The lanes, to be given what a block was for them.
    pub(crate) fn lanes(&mut self) -> &mut [Place<'m>; LANES] {
        &mut self.places
    }

    /// A block is done.
    #[inline(always)]
    pub(crate) fn end_of_block(&mut self) {
        for place in &mut self.places {
            place.age = (place.age + 1).min(3);
        }
    }
}

impl Place<'_> {
    /// What the last block ciphers, at most sixteen words, and whether it was the first that does: then at most `first`
    /// octets.
    #[inline(always)]
    pub(crate) fn row(&mut self, first: usize) -> Option<(&mut [u8], bool)> {
        let (octets, begins) = match self.age {
            0 | 1 => return None,
            2 => (first, true),
            _ => (64, false),
        };
        let rest = core::mem::take(&mut self.rest);
        let (row, rest) = rest.split_at_mut(rest.len().min(octets));
        self.rest = rest;
        Some((row, begins))
    }
}
