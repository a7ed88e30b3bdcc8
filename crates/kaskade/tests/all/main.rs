//! The integration tests of kaskade, a module for each subject: one program, so that the crate is linked once.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, prints what it saw, and casts its own constants"
)]

mod aaa;
mod admin_audit;
mod admin_changes;
mod admin_client;
mod admin_full;
mod admin_https;
mod admin_import;
mod admin_socket;
mod akma;
mod akma_proxy;
mod algorithm_sets;
mod audit;
mod audit_reading;
mod bench_akma;
mod change;
mod cli;
mod common;
mod damaged_store;
mod derive_key;
mod docs;
mod doors;
mod eapol_test;
mod echo;
mod ends;
mod explain;
mod first_steps;
mod full_disk;
mod hn_key_file;
mod hostapd;
mod import;
mod import_command;
mod json;
mod li;
mod lost_store;
mod memory;
mod monitor;
mod n13;
mod network;
mod nodes;
mod nrf;
mod outputs;
mod picture;
mod postgres;
mod runtime;
mod sequence_numbers;
mod statuses;
mod subscriptions;
mod ue_akma;
mod usage_keys;
mod usual_way;
