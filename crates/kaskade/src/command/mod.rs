//! The sub-commands, one module each.

pub(crate) mod admin;
pub(crate) mod akma;
pub(crate) mod attach;
pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod derive;
pub(crate) mod derive_key;
pub(crate) mod eap;
pub(crate) mod emsk;
pub(crate) mod explain;
pub(crate) mod hn_key;
pub(crate) mod li;
pub(crate) mod nef;
pub(crate) mod policy;
pub(crate) mod store;
pub(crate) mod subscriber;
pub(crate) mod ue;
pub(crate) mod up;
