//! The rRKs that an ER server has, by EMSKname: bounded, expiring.

use kaskade_flow::Moment;
use kaskade_flow::expiring::{Bounds, Full, Missing, Owner, Table};
use kaskade_flow::machine::Machine;
use kaskade_keys::id::RootKeyName;

use super::ErServer;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Home;

impl Owner for Home {
    fn bits(self) -> u64 {
        0
    }
}

/// All of them. An rRK ends with its EMSK: whoever retires that calls [`ErServers::retire`] with the same name.
pub struct ErServers {
    table: Table<Home, ErServer>,
}

const fn bits(name: RootKeyName) -> u64 {
    u64::from_be_bytes(*name.octets())
}

impl ErServers {
    /// Room for so many.
    pub const fn new(most: usize) -> Self {
        // One owner alone has three quarters of a table.
        let all = most.saturating_mul(4).div_ceil(3).saturating_add(1);
        Self {
            table: Table::new(Bounds { all, per_user: 1 }),
        }
    }

    /// How many there are, with those in work.
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Has one more, under its EMSKname. The oldest make room.
    ///
    /// # Errors
    /// [`Full`]: all that there are, are in work.
    pub fn add(&mut self, server: ErServer, now: Moment) -> Result<(), Full> {
        let name = bits(server.key_name_nai().name());
        let deadline = server.deadline();
        self.table.insert(name, Home, name.into(), server, deadline, now)
    }

    /// Takes one for a packet that names it.
    ///
    /// # Errors
    /// [`Missing::Unknown`]: the answer is [`unknown_key`](super::unknown_key).
    pub fn begin(&mut self, name: RootKeyName, now: Moment) -> Result<ErServer, Missing> {
        self.table.begin(bits(name).into(), Home, now)
    }

    /// Puts it back, or ends it; whether nobody has retired it meanwhile.
    pub fn end(&mut self, name: RootKeyName, server: Option<ErServer>, now: Moment) -> bool {
        let back = server.map(|server| {
            let deadline = server.deadline();
            (server, deadline)
        });
        self.table.end(bits(name).into(), back, now)
    }

    /// Ends one before its time, also while it is in work; whether it was there.
    pub fn retire(&mut self, name: RootKeyName) -> bool {
        self.table.forget(bits(name), Home) > 0
    }

    /// Removes those whose life is over.
    pub fn sweep(&mut self, now: Moment) {
        self.table.sweep(now, &mut drop);
    }
}
