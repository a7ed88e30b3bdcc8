//! What GSUP, EMSDP and the exit status of a command tell.

use core::fmt;

macro_rules! numbered {
    ($(#[$about:meta])* $Name:ident: $number:ty { $( $(#[$meta:meta])* $Variant:ident = $value:literal, $text:literal; )+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($number)]
        pub enum $Name {
            $( $(#[$meta])* $Variant = $value, )+
        }

        impl $Name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$Variant),+];

            /// The number.
            pub const fn number(self) -> $number {
                self as $number
            }

            /// As people call it.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$Variant => $text, )+
                }
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.number(), self.name())
            }
        }
    };
}

numbered! {
    /// GMM causes that GSUP's errors carry in IE 0x02 (TS 24.008 10.5.5.14).
    GmmCause: u8 {
        /// The home network does not know the IMSI.
        ImsiUnknown = 2, "IMSI unknown in HLR";
        /// The subscriber may not.
        IllegalMs = 3, "illegal MS";
        /// No subscription for packet services.
        GprsNotAllowed = 7, "GPRS services not allowed";
        /// This PLMN may not serve.
        PlmnNotAllowed = 11, "PLMN not allowed";
        /// The subscription does not allow it here.
        RoamingNotAllowed = 13, "roaming not allowed";
        /// Not by this radio access.
        NoSuitableCells = 15, "no suitable cells in location area";
        /// The home network failed.
        NetworkFailure = 17, "network failure";
        /// Too much to do.
        Congestion = 22, "congestion";
        /// The message makes no sense.
        SemanticallyIncorrect = 95, "semantically incorrect message";
        /// Something required is missing or wrong.
        InvalidMandatory = 96, "invalid mandatory information";
        /// The message is not known.
        MessageUnknown = 97, "message type not implemented";
        /// A part of the message is not known.
        IeUnknown = 99, "information element not implemented";
        /// Something that is not always there is wrong.
        ConditionalIe = 100, "conditional IE error";
    }
}

/// What is told over GSUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gsup {
    /// The error that belongs to the request, with this cause.
    Error(GmmCause),
    /// Nothing: not even the type of the message can be read.
    Discard,
}

impl fmt::Display for Gsup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(cause) => cause.fmt(f),
            Self::Discard => f.write_str("nothing"),
        }
    }
}

numbered! {
    /// Causes in EMSDP Message Reject (command 0x80, TS 33.163 6.2). No text says their numbers: they are those of the project
    /// profile EMSDP-P1, from 0x80 on so that none of 3GPP's is taken.
    EmsdpCause: u8 {
        /// For a reason that no other number has, or that the UE is not told.
        Failure = 0x80, "failure";
        /// Nobody of that name.
        UnknownUser = 0x81, "unknown user";
        /// The subscription has no such service, or not here.
        NotAllowed = 0x82, "not allowed";
        /// The UE is not who it says.
        NotAuthenticated = 0x83, "not authenticated";
        /// There is no such session.
        UnknownSession = 0x84, "unknown session";
        /// There is no such key.
        UnknownKey = 0x85, "unknown key";
        /// There is no such enterprise.
        UnknownEnterprise = 0x86, "unknown enterprise";
        /// Nothing that the UE offers is spoken here.
        Unsupported = 0x87, "unsupported";
        /// Something in the message is missing or wrong.
        InvalidMessage = 0x88, "invalid message";
        /// Too much to do; later it may succeed.
        Congestion = 0x89, "congestion";
    }
}

/// What is told over EMSDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Emsdp {
    /// Message Reject with this cause.
    Reject(EmsdpCause),
    /// Nothing: whoever sent it may not be who it says.
    Discard,
}

impl fmt::Display for Emsdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reject(cause) => write!(f, "{:#04x} {}", cause.number(), cause.name()),
            Self::Discard => f.write_str("nothing"),
        }
    }
}

numbered! {
    /// The exit status of a command: 1, or a number of `sysexits.h`.
    Exit: u8 {
        /// It failed, and the message says why.
        Failed = 1, "failed";
        /// What it was given is wrong: `EX_DATAERR`.
        Data = 65, "EX_DATAERR";
        /// Nobody of that name: `EX_NOUSER`.
        NoUser = 67, "EX_NOUSER";
        /// Something that it needs is not there: `EX_UNAVAILABLE`.
        Unavailable = 69, "EX_UNAVAILABLE";
        /// The program failed: `EX_SOFTWARE`.
        Software = 70, "EX_SOFTWARE";
        /// The system failed: `EX_OSERR`.
        System = 71, "EX_OSERR";
        /// There is no room to write: `EX_CANTCREAT`.
        NoSpace = 73, "EX_CANTCREAT";
        /// Reading or writing failed: `EX_IOERR`.
        Io = 74, "EX_IOERR";
        /// Later it may succeed: `EX_TEMPFAIL`.
        Later = 75, "EX_TEMPFAIL";
        /// The other side does not speak the protocol: `EX_PROTOCOL`.
        Protocol = 76, "EX_PROTOCOL";
        /// Whoever asks may not: `EX_NOPERM`.
        NotAllowed = 77, "EX_NOPERM";
    }
}
