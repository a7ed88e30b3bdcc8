//! One function per parser: it gets arbitrary octets, must not panic, checks a property where the
//! parser has one, and says whether the parser accepts.
//!
//! libFuzzer drives the functions through the three-line programs in `fuzz_targets/` (`cargo xtask fuzz`), and
//! `cargo test` replays the seeds in `corpus/` through the same functions. To add a parser: a function here, its line in
//! [`TARGETS`], a program of the same name, and seeds: all must be accepted, except those whose name begins with `reject`.
//!
//! The usual property is that what was parsed, written and parsed again is the same value. Written text may differ from
//! what came in: capital hex digits, for example.

mod administration;
mod akma_oscore;
mod audit;
mod bodies;
mod eap;
mod erp;
mod files;
mod headers;
mod hostapd_auc;
mod http_digest;
mod identities;
mod radius;
mod record_rows;
mod row_inputs;
mod scheme_output;
mod store_rows;
mod usim_files;

pub use administration::{admin_bodies, admin_import};
pub use akma_oscore::akma_oscore;
pub use audit::{audit_entry, audit_segment};
pub use bodies::{
    BODIES, callback_uri, naanf_bodies, nausf_bodies, nef_notice_bodies, nnef_bodies, nudm_bodies, uecm_bodies,
    usage_key_bodies,
};
pub use eap::{eap_machines, eap_packet};
pub use erp::erp_packet;
pub use files::{config, hn_key, import_csv, import_toml};
pub use headers::{accept, access_token, certificate_names, content_type, subject_common_name};
pub use hostapd_auc::hostapd_auc;
pub use http_digest::http_digest;
pub use identities::{akma_names, serving_network_name, suci_nas, suci_text, supi};
pub use radius::radius_packet;
pub use record_rows::{file_rows, record_rows};
pub use row_inputs::row_inputs;
pub use scheme_output::ecies_deconceal;
pub use store_rows::{sealed_record, store_rows};
pub use usim_files::suci_calc_info;

/// A fuzz target: takes any octets, says whether the parser accepts them, and panics if a property does not hold.
pub type Target = fn(&[u8]) -> bool;

/// Every fuzz target by the name of its program and of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("accept", accept),
    ("access_token", access_token),
    ("admin_bodies", admin_bodies),
    ("admin_import", admin_import),
    ("audit_entry", audit_entry),
    ("audit_segment", audit_segment),
    ("callback_uri", callback_uri),
    ("certificate_names", certificate_names),
    ("config", config),
    ("content_type", content_type),
    ("eap_machines", eap_machines),
    ("eap_packet", eap_packet),
    ("ecies_deconceal", ecies_deconceal),
    ("erp_packet", erp_packet),
    ("file_rows", file_rows),
    ("hn_key", hn_key),
    ("hostapd_auc", hostapd_auc),
    ("http_digest", http_digest),
    ("import_csv", import_csv),
    ("import_toml", import_toml),
    ("nausf_bodies", nausf_bodies),
    ("nudm_bodies", nudm_bodies),
    ("radius_packet", radius_packet),
    ("record_rows", record_rows),
    ("row_inputs", row_inputs),
    ("sealed_record", sealed_record),
    ("serving_network_name", serving_network_name),
    ("akma_names", akma_names),
    ("akma_oscore", akma_oscore),
    ("store_rows", store_rows),
    ("subject_common_name", subject_common_name),
    ("suci_calc_info", suci_calc_info),
    ("suci_nas", suci_nas),
    ("suci_text", suci_text),
    ("supi", supi),
    ("naanf_bodies", naanf_bodies),
    ("uecm_bodies", uecm_bodies),
    ("nef_notice_bodies", nef_notice_bodies),
    ("nnef_bodies", nnef_bodies),
    ("usage_key_bodies", usage_key_bodies),
];
