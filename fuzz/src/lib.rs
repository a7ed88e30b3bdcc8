//! One function per parser: it gets arbitrary octets, must not panic, checks a property where the
//! parser has one, and says whether the parser accepts.
//!
//! libFuzzer drives the functions through the three-line programs in `fuzz_targets/` (`cargo xtask fuzz`), and
//! `cargo test` replays the seeds in `corpus/` through the same functions. To add a parser: a function here, its line in
//! [`TARGETS`], a program of the same name, and seeds: all must be accepted, except those whose name begins with `reject`.
//!
//! The usual property is that what was parsed, written and parsed again is the same value. Written text may differ from
//! what came in: capital hex digits, for example.

mod identities;
mod usim_files;

pub use identities::{serving_network_name, suci_nas, suci_text, supi};
pub use usim_files::suci_calc_info;

/// A fuzz target: takes any octets, says whether the parser accepts them, and panics if a property does not hold.
pub type Target = fn(&[u8]) -> bool;

/// Every fuzz target by the name of its program and of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("serving_network_name", serving_network_name),
    ("suci_calc_info", suci_calc_info),
    ("suci_nas", suci_nas),
    ("suci_text", suci_text),
    ("supi", supi),
];
