//! Identities and counters that enter derivations: parsed once, at the edge, into types that cannot be wrong later.

mod a_kid;
mod abba;
mod access;
mod algorithm;
mod application;
mod cell;
mod counter;
mod eap;
mod error;
mod gpsi;
mod label;
mod nas_count;
mod nonce;
mod plmn;
mod routing_indicator;
mod serving_network;
mod steering;
mod suci;
mod suci_nai;
mod suci_nas;
mod supi;
mod text;
mod usage;

pub use a_kid::{AKid, HomeRealm};
pub use abba::Abba;
pub use access::{HorizontalDirection, IabAddress, TrustedAccessUsage};
pub use algorithm::{AccessType, CipheringAlgorithm, IntegrityAlgorithm, TypeDistinguisher};
pub use application::{AfId, BsfId, Fqdn, NafId, UaProtocolId};
pub use cell::{ArfcnDl, EarfcnDl, EutraPci, NgEnbEarfcnDl, Pci};
pub use counter::{EapCounter, ErpSequence, LwipCounter, ScgCounter, SnCounter, SorCounter, UpuCounter, WtCounter};
pub use eap::{Cryptosuite, SessionId};
pub use error::ParseError;
pub use gpsi::Gpsi;
pub use label::Label;
pub use nas_count::{NasCount, UplinkCount};
pub use nonce::{
    DigestResponse, Freshness1, Freshness2, GroupIdentity, GroupMemberIdentity, Nonce1, Nonce2, NonceMme, NonceS,
    NonceUe, PtkIdentity, RangingApplicationId, RelayServiceCode, ServingNetworkIdentity, SlpNonce1, SlpNonce2,
    SlptkIdentity, SrvccNonce, UtcCounter,
};
pub use plmn::{Nid, Plmn};
pub use routing_indicator::RoutingIndicator;
pub use serving_network::ServingNetworkName;
pub use steering::{Acknowledgement, SorHeader, SorList, UpuData};
pub use suci::{HnKeyId, ProtectionScheme, SchemeOutput, Suci, SuciHome};
pub use supi::{Imsi, Nai, Supi};
pub use text::{AccessNetworkIdentity, E2mLabel, EapIdentity, EmseId, Impi};
pub use usage::{RootKeyName, Snssai, UsageApplication, UsageData, UsageLabel};
