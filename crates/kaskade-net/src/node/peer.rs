//! Where another network function is.

use crate::sbi::client::ClientOptions;

/// Where another network function is.
#[derive(Clone, Debug)]
pub enum PeerAt {
    /// On this node.
    OfThisNode,
    /// Elsewhere, at this apiRoot.
    There(String, ClientOptions),
}

impl PeerAt {
    /// How it is reached; `None`: without a connection.
    pub const fn options(&self) -> Option<&ClientOptions> {
        match self {
            Self::OfThisNode => None,
            Self::There(_, options) => Some(options),
        }
    }
}
