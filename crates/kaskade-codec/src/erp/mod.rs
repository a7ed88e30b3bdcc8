//! ERP: re-authentication by keys below an EMSK, in two packets (RFC 6696 5.3).
//!
//! ```text
//! packet          code 1 (5 Initiate, 6 Finish) ‖ identifier 1 ‖ length 2 ‖ type 1 ‖ …
//! Re-auth-Start   type 1 ‖ reserved 1 ‖ item*
//! Re-auth         type 2 ‖ flags 1 ‖ SEQ 2 ‖ item* ‖ cryptosuite 1 ‖ tag 8, 16 or 32
//! item            type 1 ‖ length 1 ‖ value           for types 2 and 3: type 1 ‖ seconds 4
//! ```
//!
//! | Item | Value |
//! |---|---|
//! | 1 | keyName-NAI, exactly once |
//! | 2, 3 | lifetime of the rRK, of the rMSK: 4 octets, seconds |
//! | 4 | domain name |
//! | 5 | cryptosuites that the server takes |
//! | 6 | authorization indication |
//! | others | left alone |
//!
//! Where the items end follows from the length of the tag, and that from the octet behind them: a packet may be read in more than
//! one way, and its tag says which is meant. [`ReAuth::read`] gives all of them, the mandatory cryptosuite first. A failure that
//! the server cannot protect has neither cryptosuite nor tag.
//!
//! `emit(read(x))` gives `x` but for: octets behind the length, reserved bits, the order of items, items of other types, and hexadecimal
//! digits of a keyName-NAI in upper case.

mod items;
mod name;
mod packet;

pub use name::KeyNameNai;
pub use packet::{Code, Flags, Items, Protection, ReAuth, ReAuthStart, Reading};

use kaskade_keys::id::Cryptosuite;

/// The cryptosuites there are, in the order in which a packet is read: the mandatory one first.
pub const CRYPTOSUITES: [Cryptosuite; 3] = [
    Cryptosuite::HmacSha256Of128,
    Cryptosuite::HmacSha256Of256,
    Cryptosuite::HmacSha256Of64,
];

/// Why octets are no packet of ERP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErpError {
    /// It ends before what every packet has.
    #[error("ERP: {has} octets, at least {least} are needed")]
    Short {
        /// How many there are.
        has: usize,
        /// How many there must be.
        least: usize,
    },
    /// Its length says something else than it has.
    #[error("ERP: the length says {says} octets, there are {has}")]
    Length {
        /// What the length says.
        says: usize,
        /// How many there are.
        has: usize,
    },
    /// Neither Initiate nor Finish.
    #[error("ERP: the code is {0}, expected 5 (Initiate) or 6 (Finish)")]
    Code(u8),
    /// Of another type.
    #[error("ERP: the type is {0}, expected 1 (Re-auth-Start) or 2 (Re-auth)")]
    Type(u8),
    /// An item does not end where it should.
    #[error("ERP: the item at octet {at} is longer than what is left")]
    Item {
        /// Where it begins, from the code on.
        at: usize,
    },
    /// An item has a length or a value that its type does not allow.
    #[error("ERP: the item of type {kind} at octet {at} is not of its form")]
    Form {
        /// Which.
        kind: u8,
        /// Where it begins, from the code on.
        at: usize,
    },
    /// An item that may be there once is there again.
    #[error("ERP: the item of type {kind} at octet {at} is there a second time")]
    Twice {
        /// Which.
        kind: u8,
        /// Where it begins, from the code on.
        at: usize,
    },
    /// There is no keyName-NAI.
    #[error("ERP: the keyName-NAI is missing")]
    NoKeyName,
    /// Behind the items is no cryptosuite with its tag, of those that there are.
    #[error("ERP: no cryptosuite from 1 to 3 with its tag behind the items")]
    NoCryptosuite,
}
