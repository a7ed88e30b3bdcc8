//! What an access gateway asks.

use alloc::borrow::Cow;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::error::RadiusError;
use super::{AttributeType as A, Code, Packet};

/// An Access-Request with the attributes that matter to EAP.
///
/// Its `Proxy-State`s stay in the [`Packet`]: who answers copies them from there.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessRequest<'p> {
    /// Who wants to come in, as the gateway says.
    pub user_name: Option<&'p [u8]>,
    /// The session that it belongs to; `None` begins one.
    pub state: Option<&'p [u8]>,
    /// The EAP packet. `Some` of nothing starts EAP (RFC 3579 2.1); `None`: the gateway does not speak EAP.
    pub eap: Option<Cow<'p, [u8]>>,
    /// Octets of the largest frame that reaches the peer, where the gateway knows it; 802.1X takes 4 of them for itself (RFC 3579 2.4).
    pub framed_mtu: Option<u32>,
    /// Where the peer calls from: its MAC address.
    pub calling_station_id: Option<&'p [u8]>,
    /// Where it calls: MAC address and SSID of the access point.
    pub called_station_id: Option<&'p [u8]>,
    /// The gateway wants a `Chargeable-User-Identity` (RFC 4372 2.1).
    pub wants_cui: bool,
    /// The gateway wants an `EAP-Key-Name` (RFC 4072 4.1.4).
    pub wants_eap_key_name: bool,
    /// Which gateway it is, and which port of it.
    pub gateway: Gateway<'p>,
}

/// What a gateway says about itself: nobody has proved it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gateway<'p> {
    /// `NAS-Identifier`.
    pub identifier: Option<&'p [u8]>,
    /// `NAS-IP-Address`.
    pub ipv4: Option<Ipv4Addr>,
    /// `NAS-IPv6-Address`.
    pub ipv6: Option<Ipv6Addr>,
    /// `NAS-Port`.
    pub port: Option<u32>,
    /// `NAS-Port-Type`.
    pub port_type: Option<u32>,
    /// `NAS-Port-Id`.
    pub port_id: Option<&'p [u8]>,
    /// `Service-Type`.
    pub service_type: Option<u32>,
    /// `Operator-Name`.
    pub operator: Option<&'p [u8]>,
}

impl<'p> AccessRequest<'p> {
    /// Takes an Access-Request out of a packet. What is not known here is passed over (RFC 2865 5).
    ///
    /// # Errors
    /// [`RadiusError::Code`] for another packet, [`RadiusError::Repeated`] for a second one of an attribute that a request has once,
    /// and what [`Packet::eap`] says.
    pub fn of(packet: &Packet<'p>) -> Result<Self, RadiusError> {
        if packet.code() != Some(Code::AccessRequest) {
            return Err(RadiusError::Code {
                actual: packet.code_number(),
                expected: "1 (Access-Request)",
            });
        }
        let asks = |attribute| Ok::<_, RadiusError>(packet.once(attribute)?.is_some_and(|value| value == [0]));
        Ok(Self {
            user_name: packet.once(A::UserName)?,
            state: packet.once(A::State)?,
            eap: packet.eap()?,
            framed_mtu: packet.number(A::FramedMtu)?,
            calling_station_id: packet.once(A::CallingStationId)?,
            called_station_id: packet.once(A::CalledStationId)?,
            wants_cui: asks(A::ChargeableUserIdentity)?,
            wants_eap_key_name: asks(A::EapKeyName)?,
            gateway: Gateway {
                identifier: packet.once(A::NasIdentifier)?,
                ipv4: packet.number(A::NasIpAddress)?.map(Ipv4Addr::from_bits),
                ipv6: packet
                    .once(A::NasIpv6Address)?
                    .and_then(|value| value.first_chunk())
                    .map(|octets| Ipv6Addr::from(*octets)),
                port: packet.number(A::NasPort)?,
                port_type: packet.number(A::NasPortType)?,
                port_id: packet.once(A::NasPortId)?,
                service_type: packet.number(A::ServiceType)?,
                operator: packet.once(A::OperatorName)?,
            },
        })
    }
}

/// Without names and addresses of people.
impl core::fmt::Debug for AccessRequest<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AccessRequest")
            .field("state", &self.state.is_some())
            .field("eap", &self.eap.as_ref().map(|eap| eap.len()))
            .finish_non_exhaustive()
    }
}
