//! The parsers and the load generator of the program `kaskade`, as a library: what reads files that people write, and what
//! measurements run.
//!
//! | Room | What |
//! |---|---|
//! | [`administration`] | what an administrator sends to a node and hears from it |
//! | [`card`] | algorithm, K and operator variant of a card, as text |
//! | [`config`] | the TOML configuration, its defaults and its commented print-out |
//! | [`hn_key_file`] | home network keys in PEM, DER and hex |
//! | [`import`] | subscriber files in CSV and TOML |
//! | [`load`] | complete 5G AKA runs of emulated UEs against any AUSF, and what they cost |
//! | [`hex_field`] | octets in hexadecimal, with errors that name the field |
//! | [`subscription`] | methods and services of a subscription, as text |
//! | [`place`] | where something stands in a text, and messages without secrets |
//!
//! The commands themselves live in the binary.
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]

pub mod administration;
pub mod card;
pub mod config;
pub mod hex_field;
pub mod hn_key_file;
pub mod import;
pub mod load;
pub mod place;
pub mod subscription;
