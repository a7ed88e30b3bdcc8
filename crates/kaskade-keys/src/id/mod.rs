//! Identities and counters that enter derivations: parsed once, at the edge, into types that cannot be wrong later.

mod abba;
mod algorithm;
mod error;
mod nas_count;
mod plmn;
mod routing_indicator;
mod serving_network;
mod suci;
mod suci_nai;
mod suci_nas;
mod supi;

pub use abba::Abba;
pub use algorithm::{AccessType, CipheringAlgorithm, IntegrityAlgorithm, TypeDistinguisher};
pub use error::ParseError;
pub use nas_count::NasCount;
pub use plmn::{Nid, Plmn};
pub use routing_indicator::RoutingIndicator;
pub use serving_network::ServingNetworkName;
pub use suci::{HnKeyId, ProtectionScheme, SchemeOutput, Suci, SuciHome};
pub use supi::{Imsi, Nai, Supi};
