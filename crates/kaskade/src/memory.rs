//! What the system may do with the memory of this process: no dumps, no looking in, and no swap where it is allowed.

use rustix::io::Errno;
use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Nobody but root looks into this process, and it leaves no core behind, whatever happens to it.
///
/// What a failure means is for the user to know: it is given back as a sentence.
pub(crate) fn close() -> Result<(), String> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)
        .map_err(|error| format!("core dumps cannot be switched off (RLIMIT_CORE): {error}"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("other processes of this user may look into this one (PR_SET_DUMPABLE): {error}"))
}

/// Whether the pages of this process may be written to swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Swap {
    /// They stay in memory.
    Locked,
    /// They may, but there is no swap.
    None,
    /// They may; the sentence says why, and what to do.
    Possible(String),
}

/// Keeps all pages of this process, also those to come, in memory: those of the keys that libraries hold among them.
///
/// Only where there is no limit. Under one, a later allocation could fail for it.
pub(crate) fn lock_all() -> Swap {
    let limit = getrlimit(Resource::Memlock).current;
    if limit.is_none() || may_lock() {
        // On fault: what is never touched takes no memory.
        let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        match rustix::mm::mlockall(flags) {
            Ok(()) => return Swap::Locked,
            Err(Errno::PERM | Errno::NOMEM | Errno::AGAIN) => {}
            Err(error) => return Swap::Possible(format!("memory cannot be locked: {error}")),
        }
    }
    if !swap_is_on() {
        return Swap::None;
    }
    let limit = limit.map_or("unlimited".to_owned(), |octets| format!("{} KiB", octets / 1024));
    Swap::Possible(format!(
        "pages of this process may go to swap, those of the TLS and home network keys among them (RLIMIT_MEMLOCK is {limit}): turn swap \
         off, or let it lock its memory (systemd: LimitMEMLOCK=infinity, or AmbientCapabilities=CAP_IPC_LOCK)"
    ))
}

fn may_lock() -> bool {
    use rustix::thread::{CapabilitySet, capabilities};
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK))
}

/// Unknown counts as on.
fn swap_is_on() -> bool {
    std::fs::read_to_string("/proc/swaps").map_or(true, |swaps| swaps.lines().count() > 1)
}
