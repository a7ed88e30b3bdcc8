//! Bodies and paths of the service-based interfaces: JSON and URIs ↔ values (TS 29.500, TS 29.501, TS 29.571).
//!
//! | Module | What |
//! |---|---|
//! | [`body`](mod@body) | the form of a body, declared once by [`body!`](crate::body) |
//! | [`member`] | members of an object, before anybody knows whether they are right |
//! | [`misread`] | what is wrong with a body, and where |
//! | [`values`] | what members are: octets, secrets, identities, flags |
//! | [`path`] | segments of a path, and the variables among them |
//! | [`date_time`], [`nf_instance`] | `DateTime` and `NfInstanceId` |
//! | [`nausf_auth`], [`nudm_ueau`], [`akma`], [`usage_keys`] | the bodies of the services |
//!
//! Reading names the JSON Pointer of what is missing or wrong. Writing goes through serde; octets are bytes to it, and whoever
//! writes JSON makes hexadecimal digits of them, in a buffer that is wiped where [`Value::SECRET`] says so.
//!
//! ```
//! use kaskade_codec::sbi::Body;
//! use kaskade_codec::sbi::misread::Wrong;
//! use kaskade_codec::sbi::nausf_auth::ConfirmationData;
//!
//! let read = ConfirmationData::from_json(br#"{"resStar":"000102030405060708090a0b0c0d0e0f"}"#).expect("a RES*");
//! assert!(read.res_star.is_some());
//! let wrong = ConfirmationData::from_json(br#"{"resStar":"00"}"#).expect_err("too short");
//! assert_eq!((wrong.what(), wrong.pointer()), (Wrong::Mandatory, "/resStar"));
//! ```

pub mod akma;
pub mod body;
pub mod date_time;
pub mod member;
pub mod misread;
pub mod nausf_auth;
pub mod nf_instance;
pub mod nudm_ueau;
pub mod path;
mod strict;
pub mod usage_keys;
pub mod values;

pub use body::{Body, Form, OrFalse, OrNull, Plain, Value, Written};
pub use date_time::Timestamp;
pub use misread::Misread;
pub use nf_instance::NfInstanceId;
pub use path::{ResourceId, Variable};
pub use values::{AuthType, ResynchronizationInfo, SupiOrSuci};

/// What the macros of this module name.
#[doc(hidden)]
pub mod code {
    pub use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
    pub use serde::ser::{SerializeMap, Serializer};

    pub use super::body::{Body, Form, Plain, Value, Written, is_text};
    pub use super::member::{Member, NameOf};
    pub use super::misread::{Misread, Presence};
    pub use super::values::Text;
}
