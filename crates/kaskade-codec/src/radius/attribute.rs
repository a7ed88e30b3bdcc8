//! The attributes: one table of their numbers, names and lengths, and the reading of one.

use core::fmt;

use super::error::RadiusError;
use super::{HEADER, VALUE_AT_MOST};

macro_rules! attributes {
    ($( $(#[$meta:meta])* $Name:ident = $number:literal, $label:literal, $least:literal to $most:expr, $times:ident; )*) => {
        /// An attribute that is known here, by its number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum AttributeType {
            $( $(#[$meta])* $Name = $number, )*
        }

        impl AttributeType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$Name),*];

            /// The attribute of a number, if it is known here.
            pub const fn of(number: u8) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$Name), )*
                    _ => None,
                }
            }

            /// As the specifications write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$Name => $label, )*
                }
            }

            /// The octets that its value may have: at least, at most.
            pub const fn lengths(self) -> (usize, usize) {
                match self {
                    $( Self::$Name => ($least, $most), )*
                }
            }

            /// Whether a packet may have several.
            pub const fn is_repeatable(self) -> bool {
                match self {
                    $( Self::$Name => attributes!(@ $times), )*
                }
            }
        }
    };
    (@ once) => { false };
    (@ often) => { true };
}

attributes! {
    /// Who wants to come in: in EAP the identity that they gave, in every request of a run (RFC 2865 5.1, RFC 3579 2.1).
    UserName = 1, "User-Name", 1 to VALUE_AT_MOST, once;
    /// A password, of no use here (RFC 2865 5.2).
    UserPassword = 2, "User-Password", 16 to 128, once;
    /// IPv4 address of the gateway (RFC 2865 5.4).
    NasIpAddress = 4, "NAS-IP-Address", 4 to 4, once;
    /// Number of the gateway's port (RFC 2865 5.5).
    NasPort = 5, "NAS-Port", 4 to 4, once;
    /// What service is wanted (RFC 2865 5.6).
    ServiceType = 6, "Service-Type", 4 to 4, once;
    /// Octets of the largest packet on the way to the peer, which bounds the EAP packet (RFC 2865 5.12, RFC 3579 2.4).
    FramedMtu = 12, "Framed-MTU", 4 to 4, once;
    /// Text for people; never beside EAP (RFC 2865 5.18, RFC 3579 2.6.5).
    ReplyMessage = 18, "Reply-Message", 1 to VALUE_AT_MOST, often;
    /// What a server gives with a challenge and gets back unchanged: its session (RFC 2865 5.24).
    State = 24, "State", 1 to VALUE_AT_MOST, once;
    /// What a server gives for accounting (RFC 2865 5.25).
    Class = 25, "Class", 1 to VALUE_AT_MOST, often;
    /// An attribute of a vendor (RFC 2865 5.26).
    VendorSpecific = 26, "Vendor-Specific", 5 to VALUE_AT_MOST, often;
    /// Seconds of a session; in a challenge those that the peer has for its answer (RFC 2865 5.27, RFC 3579 2.6.4).
    SessionTimeout = 27, "Session-Timeout", 4 to 4, once;
    /// What happens at the end of the session: 1 is another request (RFC 2865 5.29).
    TerminationAction = 29, "Termination-Action", 4 to 4, once;
    /// Where the peer called: MAC address and SSID of the access point (RFC 2865 5.30, RFC 3580 3.20).
    CalledStationId = 30, "Called-Station-Id", 1 to VALUE_AT_MOST, once;
    /// From where the peer called: its MAC address (RFC 2865 5.31, RFC 3580 3.21).
    CallingStationId = 31, "Calling-Station-Id", 1 to VALUE_AT_MOST, once;
    /// Name of the gateway (RFC 2865 5.32).
    NasIdentifier = 32, "NAS-Identifier", 1 to VALUE_AT_MOST, once;
    /// What a proxy gets back unchanged, in its order (RFC 2865 5.33).
    ProxyState = 33, "Proxy-State", 1 to VALUE_AT_MOST, often;
    /// Kind of the gateway's port: 19 is WLAN, 15 Ethernet (RFC 2865 5.41).
    NasPortType = 61, "NAS-Port-Type", 4 to 4, once;
    /// A part of an EAP packet (RFC 3579 3.1).
    EapMessage = 79, "EAP-Message", 0 to VALUE_AT_MOST, often;
    /// The code of the packet under the shared secret (RFC 3579 3.2).
    MessageAuthenticator = 80, "Message-Authenticator", 16 to 16, once;
    /// Text that names the gateway's port (RFC 2869 5.17).
    NasPortId = 87, "NAS-Port-Id", 1 to VALUE_AT_MOST, once;
    /// An opaque name of the user that stays the same; a single NUL asks for it (RFC 4372 2.2).
    ChargeableUserIdentity = 89, "Chargeable-User-Identity", 1 to VALUE_AT_MOST, once;
    /// IPv6 address of the gateway (RFC 3162 2.1).
    NasIpv6Address = 95, "NAS-IPv6-Address", 16 to 16, once;
    /// Why: 202 is an EAP packet of no use (RFC 5176 3.5, RFC 3579 2.2).
    ErrorCause = 101, "Error-Cause", 4 to 4, once;
    /// The name of the EAP session; a single NUL asks for it (RFC 4072 4.1.4, RFC 7268 2.2).
    EapKeyName = 102, "EAP-Key-Name", 1 to VALUE_AT_MOST, once;
    /// Who runs the access network (RFC 5580 4.1).
    OperatorName = 126, "Operator-Name", 2 to VALUE_AT_MOST, once;
}

impl AttributeType {
    /// The number on the wire.
    #[inline]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One attribute of a [`Packet`](super::Packet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'p> {
    /// Its number.
    pub number: u8,
    /// Its value, without number and length.
    pub value: &'p [u8],
    /// The octet of the packet with which it begins.
    pub position: usize,
}

impl<'p> Attribute<'p> {
    /// What it is, if it is known here.
    pub const fn kind(&self) -> Option<AttributeType> {
        AttributeType::of(self.number)
    }

    /// The octet of the packet with which its value begins.
    pub(super) const fn value_position(&self) -> usize {
        self.position.saturating_add(2)
    }

    /// Takes the attribute at the front of `rest`, which begins at octet `position`.
    fn take(rest: &mut &'p [u8], position: usize) -> Result<Option<Self>, RadiusError> {
        let Some(number) = rest.first().copied() else {
            return Ok(None);
        };
        let beyond = |length| RadiusError::BeyondPacket {
            attribute: number,
            position,
            length,
            available: rest.len(),
        };
        let length = rest.get(1).copied().ok_or(beyond(2))?;
        if length < 2 {
            return Err(RadiusError::AttributeLength {
                attribute: number,
                position,
                length,
            });
        }
        let length = usize::from(length);
        let (attribute, behind) = rest.split_at_checked(length).ok_or(beyond(length))?;
        *rest = behind;
        Ok(attribute.get(2..).map(|value| Self {
            number,
            value,
            position,
        }))
    }

    /// Whether the length of its value is one that it may have.
    fn check(&self) -> Result<(), RadiusError> {
        let Some(attribute) = self.kind() else { return Ok(()) };
        let (least, most) = attribute.lengths();
        if (least..=most).contains(&self.value.len()) {
            return Ok(());
        }
        Err(RadiusError::ValueLength {
            attribute,
            position: self.position,
            actual: self.value.len(),
        })
    }
}

/// The attributes of a packet, in their order.
#[derive(Clone, Debug)]
pub struct Attributes<'p> {
    rest: &'p [u8],
    position: usize,
}

impl<'p> Attributes<'p> {
    /// What stands behind a header. Nobody has looked at it.
    pub(super) const fn behind_header(rest: &'p [u8]) -> Self {
        Self { rest, position: HEADER }
    }

    /// The next one, with its length looked at.
    pub(super) fn checked(&mut self) -> Result<Option<Attribute<'p>>, RadiusError> {
        let attribute = self.take()?;
        attribute.iter().try_for_each(Attribute::check)?;
        Ok(attribute)
    }

    fn take(&mut self) -> Result<Option<Attribute<'p>>, RadiusError> {
        let before = self.rest.len();
        let attribute = Attribute::take(&mut self.rest, self.position)?;
        let taken = before.saturating_sub(self.rest.len());
        self.position = self.position.saturating_add(taken);
        Ok(attribute)
    }
}

impl<'p> Iterator for Attributes<'p> {
    type Item = Attribute<'p>;

    fn next(&mut self) -> Option<Attribute<'p>> {
        // They all fit: the packet was looked at.
        self.take().unwrap_or_default()
    }
}
