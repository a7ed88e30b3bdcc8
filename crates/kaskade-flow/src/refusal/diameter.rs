//! What Diameter tells: a result of RFC 6733, or an experimental result of 3GPP.

use core::fmt;

/// Whose number a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vendor {
    /// RFC 6733: AVP `Result-Code` 268.
    Base,
    /// 3GPP: AVP `Experimental-Result` 297 with vendor 10415.
    ThreeGpp,
}

impl Vendor {
    /// Its number in `Experimental-Result`.
    pub const fn id(self) -> u32 {
        match self {
            Self::Base => 0,
            Self::ThreeGpp => 10415,
        }
    }
}

/// A result of Diameter. 3GPP's answers have either AVP, never both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diameter {
    vendor: Vendor,
    code: u32,
    name: &'static str,
}

macro_rules! results {
    ($( $(#[$meta:meta])* $vendor:ident $NAME:ident = $code:literal; )+) => {
        impl Diameter {
            /// Every result that is told.
            pub const ALL: &[Self] = &[$(Self::$NAME),+];

            $( $(#[$meta])* pub const $NAME: Self = Self { vendor: Vendor::$vendor, code: $code, name: stringify!($NAME) }; )+
        }
    };
}

results! {
    /// The command is not known (RFC 6733 7.1.3).
    Base COMMAND_UNSUPPORTED = 3001;
    /// Whoever should answer cannot be reached (RFC 6733 7.1.3).
    Base UNABLE_TO_DELIVER = 3002;
    /// The realm is not served here (RFC 6733 7.1.3).
    Base REALM_NOT_SERVED = 3003;
    /// Too much to do (RFC 6733 7.1.3).
    Base TOO_BUSY = 3004;
    /// The request was here before (RFC 6733 7.1.3).
    Base LOOP_DETECTED = 3005;
    /// The application is not spoken here (RFC 6733 7.1.3).
    Base APPLICATION_UNSUPPORTED = 3007;
    /// An AVP with the M bit is not known (RFC 6733 7.1.5).
    Base AVP_UNSUPPORTED = 5001;
    /// The peer may not do this (RFC 6733 7.1.5).
    Base AUTHORIZATION_REJECTED = 5003;
    /// The value of an AVP is wrong (RFC 6733 7.1.5).
    Base INVALID_AVP_VALUE = 5004;
    /// A required AVP is missing (RFC 6733 7.1.5).
    Base MISSING_AVP = 5005;
    /// The version of Diameter is not known (RFC 6733 7.1.5).
    Base UNSUPPORTED_VERSION = 5011;
    /// For a reason that no other number has (RFC 6733 7.1.5).
    Base UNABLE_TO_COMPLY = 5012;
    /// The length of an AVP is wrong (RFC 6733 7.1.5).
    Base INVALID_AVP_LENGTH = 5014;
    /// There is no vector at present; later there may be (TS 29.272 7.4.4).
    ThreeGpp AUTHENTICATION_DATA_UNAVAILABLE = 4181;
    /// Nobody of that name (TS 29.272 7.4.3, TS 29.273 8.2.4).
    ThreeGpp USER_UNKNOWN = 5001;
    /// No server has registered for this user (TS 29.229 6.2.2, as SWx uses it).
    ThreeGpp IDENTITY_NOT_REGISTERED = 5003;
    /// The subscription does not allow this network (TS 29.272 7.4.3, TS 29.273 8.2.4).
    ThreeGpp ROAMING_NOT_ALLOWED = 5004;
    /// Another server has registered for this user (TS 29.229 6.2.2, as SWx uses it).
    ThreeGpp IDENTITY_ALREADY_REGISTERED = 5005;
    /// The method is not known, or not this user's (TS 29.229 6.2.2, as SWx uses it).
    ThreeGpp AUTH_SCHEME_NOT_SUPPORTED = 5006;
    /// A feature that the request needs is not known (TS 29.229 6.2.2).
    ThreeGpp FEATURE_UNSUPPORTED = 5011;
    /// The user has no EPS subscription (TS 29.272 7.4.3).
    ThreeGpp UNKNOWN_EPS_SUBSCRIPTION = 5420;
    /// The subscription does not allow this radio access (TS 29.272 7.4.3).
    ThreeGpp RAT_NOT_ALLOWED = 5421;
    /// The node does not serve this user (TS 29.272 7.4.3).
    ThreeGpp UNKNOWN_SERVING_NODE = 5423;
    /// The user has no subscription for access that is not 3GPP's (TS 29.273 8.2.4).
    ThreeGpp USER_NO_NON_3GPP_SUBSCRIPTION = 5450;
    /// The subscription does not allow this radio access (TS 29.273 8.2.4).
    ThreeGpp RAT_TYPE_NOT_ALLOWED = 5452;
}

impl Diameter {
    /// Whose number it is, which says in which AVP it travels.
    pub const fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// The number.
    pub const fn code(&self) -> u32 {
        self.code
    }

    /// Its name, without `DIAMETER_` and `ERROR_` before it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the answer has the E bit and the form of RFC 6733 7.2: with protocol errors, 3xxx.
    pub const fn error_bit(&self) -> bool {
        matches!(self.vendor, Vendor::Base) && self.code / 1000 == 3
    }

    /// Whether `Failed-AVP` says what is wrong (RFC 6733 7.5).
    pub const fn failed_avp(&self) -> bool {
        matches!(self.vendor, Vendor::Base) && matches!(self.code, 5001 | 5004 | 5005 | 5014)
    }
}

impl fmt::Display for Diameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.name)?;
        match self.vendor {
            Vendor::Base => Ok(()),
            Vendor::ThreeGpp => f.write_str(" (3GPP)"),
        }
    }
}
