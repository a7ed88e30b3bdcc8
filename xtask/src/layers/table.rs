//! Which crate may use which: the rule.

use super::DEVELOPMENT;

/// A crate of the workspace and the crates of the workspace that it may use.
pub(super) struct Layer {
    pub(super) name: &'static str,
    pub(super) may_use: &'static [&'static str],
    pub(super) reason: &'static str,
    /// Neither clock nor socket nor random numbers: those are arguments.
    pub(super) sans_io: bool,
}

pub(super) const LAYERS: &[Layer] = &[
    Layer {
        name: "kaskade-faults",
        may_use: &[],
        reason: "switches for tests, nothing in a release",
        // It reads the environment, but only in a build for tests.
        sans_io: false,
    },
    Layer {
        name: "kaskade-crypto",
        may_use: &[],
        reason: "algorithms know nothing of networks",
        sans_io: true,
    },
    Layer {
        name: "kaskade-keys",
        may_use: &["kaskade-crypto"],
        reason: "a derivation is a KDF call between two secret types",
        sans_io: true,
    },
    Layer {
        name: "kaskade-flow",
        may_use: &["kaskade-faults", "kaskade-crypto", "kaskade-keys"],
        reason: "what all floors share says what is durable, and writes nothing",
        sans_io: true,
    },
    Layer {
        name: "kaskade-codec",
        may_use: &["kaskade-faults", "kaskade-crypto", "kaskade-keys", "kaskade-flow"],
        reason: "byte formats carry identities, keys and what leads to them, and compute nothing",
        sans_io: true,
    },
    Layer {
        name: "kaskade-aka",
        may_use: &[
            "kaskade-faults",
            "kaskade-crypto",
            "kaskade-codec",
            "kaskade-keys",
            "kaskade-flow",
        ],
        reason: "both ends of a run derive keys and read messages",
        sans_io: true,
    },
    Layer {
        name: "kaskade-anchor",
        may_use: &[
            "kaskade-faults",
            "kaskade-crypto",
            "kaskade-keys",
            "kaskade-flow",
            "kaskade-codec",
        ],
        reason: "an anchor lives on what an authentication gave, whichever it was",
        sans_io: true,
    },
    Layer {
        name: "kaskade-ue",
        may_use: &[
            "kaskade-faults",
            "kaskade-crypto",
            "kaskade-keys",
            "kaskade-flow",
            "kaskade-codec",
            "kaskade-aka",
            "kaskade-anchor",
        ],
        reason: "the device mirrors what the network derives, and knows nothing of the network's crates",
        sans_io: true,
    },
    Layer {
        name: "kaskade-doctor",
        may_use: &["kaskade-crypto", "kaskade-keys", "kaskade-codec", "kaskade-aka"],
        reason: "it explains what the rows say and what both ends have; whoever asks shows it",
        sans_io: true,
    },
    Layer {
        name: "kaskade-store",
        may_use: &[
            "kaskade-faults",
            "kaskade-crypto",
            "kaskade-keys",
            "kaskade-flow",
            "kaskade-aka",
        ],
        reason: "it seals keys, and keeps the sequence number state of the AuC",
        sans_io: false,
    },
    Layer {
        name: "kaskade-net",
        may_use: &[
            "kaskade-faults",
            "kaskade-crypto",
            "kaskade-keys",
            "kaskade-flow",
            "kaskade-codec",
            "kaskade-aka",
            "kaskade-anchor",
            "kaskade-store",
        ],
        reason: "the network functions drive everything below them",
        sans_io: false,
    },
    Layer {
        name: "kaskade-af",
        may_use: &[
            "kaskade-faults",
            "kaskade-crypto",
            "kaskade-keys",
            "kaskade-flow",
            "kaskade-codec",
            "kaskade-net",
        ],
        reason: "an application asks the network for its keys, and is no part of it",
        sans_io: false,
    },
    Layer {
        name: "kaskade",
        may_use: &[
            "kaskade-faults",
            "kaskade-crypto",
            "kaskade-keys",
            "kaskade-flow",
            "kaskade-codec",
            "kaskade-aka",
            "kaskade-anchor",
            "kaskade-ue",
            "kaskade-doctor",
            "kaskade-store",
            "kaskade-net",
            "kaskade-af",
        ],
        reason: "the program puts everything together",
        sans_io: false,
    },
    Layer {
        name: DEVELOPMENT,
        may_use: &[
            "kaskade-faults",
            "kaskade-crypto",
            "kaskade-keys",
            "kaskade-flow",
            "kaskade-codec",
            "kaskade-aka",
            "kaskade-anchor",
            "kaskade-ue",
            "kaskade-doctor",
            "kaskade-store",
            "kaskade-net",
            "kaskade-oracle",
        ],
        reason: "what tests have in common may know all that they test, but for the program, which is tested as it is",
        sans_io: false,
    },
    Layer {
        name: "xtask",
        may_use: &[],
        reason: "checks must run when nothing else compiles",
        sans_io: false,
    },
];
