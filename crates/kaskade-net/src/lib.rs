//! Thin drivers: HTTP/2, TLS, and the network functions on top of the sans-IO crates.
pub mod load;
pub mod node;
pub mod random;
pub mod role;
pub mod sbi;
pub mod tap;
pub mod time;
