//! Keys below an EMSK, as whoever asked is told them.

use kaskade_flow::UnixMillis;
use kaskade_keys::emsk::Dsrk;
use kaskade_keys::id::RootKeyName;

use super::UsageKey;

/// The root key of a usage, for whoever may have it.
#[derive(Debug)]
pub struct Released {
    /// The key.
    pub key: UsageKey,
    /// Its name: USRKname or DSUSRKname.
    pub name: RootKeyName,
    /// The name of the EMSK above.
    pub emsk_name: RootKeyName,
    /// Until when.
    pub expires: UnixMillis,
}

/// The root key of a domain, for its key server.
#[derive(Debug)]
pub struct ReleasedDomain {
    /// The key.
    pub key: Dsrk,
    /// The name of the EMSK above, by which the key is named too.
    pub emsk_name: RootKeyName,
    /// Until when.
    pub expires: UnixMillis,
}

/// What whoever asked is told.
#[derive(Debug)]
pub enum AnchorOutput {
    /// A key of a usage.
    Key(Released),
    /// A key of a domain.
    Domain(ReleasedDomain),
}
