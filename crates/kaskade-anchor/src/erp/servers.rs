//! The rRKs that an ER server has, by EMSKname: bounded, expiring, of each user one.

use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_flow::expiring::{Bounds, Everybody, Full, Missing, Table};
use kaskade_flow::machine::Machine;
use kaskade_keys::id::RootKeyName;

use super::ErServer;

/// Octets of one on the heap: its name, the last Finish, and what the allocator adds.
const HEAP: usize = 1536;

/// All of them, each with what its owner has to know of it. An rRK ends with its EMSK: whoever retires that calls
/// [`ErServers::retire`].
pub struct ErServers<T = ()> {
    table: Table<Everybody, (ErServer, T)>,
}

fn id(name: RootKeyName) -> u128 {
    u64::from_be_bytes(*name.octets()).into()
}

impl<T> ErServers<T> {
    /// What so many take at most, in octets, where `T` has `heap` octets elsewhere.
    pub const fn octets_at_most(most: usize, heap: usize) -> usize {
        Table::<Everybody, (ErServer, T)>::octets_at_most(most, HEAP.saturating_add(heap))
    }

    /// Room for so many.
    pub const fn new(most: usize) -> Self {
        Self {
            table: Table::new(Bounds { all: most, per_user: 1 }),
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

    /// Has one more, of a user whose number is a keyed hash: that of before ends, also while it is in work. One that there is under the same
    /// key goes on, with its SEQ. The oldest make room.
    ///
    /// # Errors
    /// [`Full`]: all that there are, are in work, or the one under this key is.
    pub fn add(&mut self, user: u64, server: ErServer, with: T, now: Moment) -> Result<(), Full> {
        let name = server.key_name_nai().name();
        let server = match self.table.take(id(name), Everybody, now) {
            Ok((before, _)) => server.going_on(before),
            Err(Missing::Unknown) => server,
            Err(Missing::InWork) => return Err(Full),
        };
        if !fault!("erp-key-of-before-lives") {
            self.retire(user);
        }
        let deadline = server.deadline();
        self.table
            .insert(user, Everybody, id(name), (server, with), deadline, now)
    }

    /// Takes one for a packet that names it.
    ///
    /// # Errors
    /// [`Missing::Unknown`]: the answer is [`unknown_key`](super::unknown_key).
    pub fn begin(&mut self, name: RootKeyName, now: Moment) -> Result<(ErServer, T), Missing> {
        self.table.begin(id(name), Everybody, now)
    }

    /// Puts it back, or ends it; whether nobody has retired it meanwhile.
    pub fn end(&mut self, name: RootKeyName, back: Option<(ErServer, T)>, now: Moment) -> bool {
        let back = back.map(|(server, with)| {
            let deadline = server.deadline();
            ((server, with), deadline)
        });
        self.table.end(id(name), back, now)
    }

    /// Whether there is one of a user.
    pub fn has(&self, user: u64) -> bool {
        self.table.has(user, Everybody)
    }

    /// Ends that of a user before its time, also while it is in work; whether it was there.
    pub fn retire(&mut self, user: u64) -> bool {
        self.table.forget(user, Everybody) > 0
    }

    /// Removes those whose life is over.
    pub fn sweep(&mut self, now: Moment) {
        self.table.sweep(now, &mut drop);
    }
}
