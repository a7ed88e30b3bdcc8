//! The profile of a network function (TS 29.510 6.1.6.2.2), as far as a role of this program has something to say there.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hyper::Uri;
use kaskade_codec::sbi::NfInstanceId;
use kaskade_faults::fault;
use kaskade_keys::RoutingIndicator;
use serde::Serialize;

use crate::sbi::service::Service;

/// Where peers reach a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: &'static str,
    host: Host,
    port: Option<u16>,
    prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    Name(String),
}

/// Not an address that peers could use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: not the apiRoot of a service: expected http or https, a host, and a port unless it is the usual one")]
pub struct NotAnAddress(String);

impl Address {
    /// Of an apiRoot, such as `https://ausf.example.org:7777`.
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub fn of_root(root: &str) -> Result<Self, NotAnAddress> {
        let wrong = || NotAnAddress(root.to_owned());
        let uri: Uri = root.parse().map_err(|_| wrong())?;
        let scheme = match uri.scheme_str() {
            Some("http") => "http",
            Some("https") => "https",
            _ => return Err(wrong()),
        };
        let host = uri.host().ok_or_else(wrong)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            scheme,
            host: bare.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip),
            port: uri.port_u16(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NfProfile {
    nf_instance_id: String,
    nf_type: &'static str,
    nf_status: &'static str,
    heart_beat_timer: u32,
    #[serde(flatten)]
    at: At,
    /// The older form, which cores in use read.
    nf_services: Vec<NfService>,
    nf_service_list: BTreeMap<String, NfService>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    aanf_info_list: BTreeMap<&'static str, AanfInfo>,
}

/// For whom an AAnF is (TS 29.510, `AanfInfo`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct AanfInfo {
    routing_indicators: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct At {
    #[serde(skip_serializing_if = "Option::is_none")]
    fqdn: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ipv4_addresses: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ipv6_addresses: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct NfService {
    service_instance_id: String,
    service_name: &'static str,
    versions: Vec<Version>,
    scheme: &'static str,
    nf_service_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fqdn: Option<String>,
    ip_end_points: Vec<IpEndPoint>,
    #[serde(skip_serializing_if = "String::is_empty")]
    api_prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    api_version_in_uri: &'static str,
    api_full_version: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct IpEndPoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6_address: Option<String>,
    transport: &'static str,
    port: u16,
}

impl NfProfile {
    /// Of a network function of this type with these services, all reached at one address.
    pub fn new(
        id: NfInstanceId,
        nf_type: &'static str,
        address: &Address,
        services: &[&'static Service],
        heart_beat_timer: u32,
    ) -> Self {
        let services: Vec<NfService> = services
            .iter()
            .map(|service| NfService::new(service, address))
            .collect();
        Self {
            nf_instance_id: id.to_string(),
            nf_type,
            nf_status: "REGISTERED",
            heart_beat_timer,
            at: At::new(address),
            nf_service_list: services
                .iter()
                .map(|service| (service.service_instance_id.clone(), service.clone()))
                .collect(),
            nf_services: services,
            aanf_info_list: BTreeMap::new(),
        }
    }

    /// Of an AAnF that has the subscribers of these routing indicators; none: all.
    #[must_use]
    pub fn for_akma_of(mut self, indicators: &[RoutingIndicator]) -> Self {
        if !indicators.is_empty() && !fault!("aanf-of-all-registered") {
            let routing_indicators = indicators.iter().map(RoutingIndicator::to_string).collect();
            self.aanf_info_list.insert("akma", AanfInfo { routing_indicators });
        }
        self
    }

    /// The name under which it is registered.
    pub fn id(&self) -> &str {
        &self.nf_instance_id
    }

    /// What it is.
    pub const fn nf_type(&self) -> &'static str {
        self.nf_type
    }

    /// Seconds between heart-beats, as proposed to the NRF.
    pub const fn heart_beat_timer(&self) -> u32 {
        self.heart_beat_timer
    }
}

impl At {
    fn new(address: &Address) -> Self {
        let mut at = Self::default();
        match &address.host {
            Host::Name(name) => at.fqdn = Some(name.clone()),
            Host::Ip(IpAddr::V4(ip)) => at.ipv4_addresses.push(ip.to_string()),
            Host::Ip(IpAddr::V6(ip)) => at.ipv6_addresses.push(ip.to_string()),
        }
        at
    }
}

impl NfService {
    fn new(service: &'static Service, address: &Address) -> Self {
        let usual = if address.scheme == "https" { 443 } else { 80 };
        let mut end = IpEndPoint {
            transport: "TCP",
            port: address.port.unwrap_or(usual),
            ..IpEndPoint::default()
        };
        let mut fqdn = None;
        match &address.host {
            Host::Name(name) => fqdn = Some(name.clone()),
            Host::Ip(IpAddr::V4(ip)) => end.ipv4_address = Some(ip.to_string()),
            Host::Ip(IpAddr::V6(ip)) => end.ipv6_address = Some(ip.to_string()),
        }
        Self {
            service_instance_id: service.name.to_owned(),
            service_name: service.name,
            versions: vec![Version {
                api_version_in_uri: service.version,
                api_full_version: "1.0.0",
            }],
            scheme: address.scheme,
            nf_service_status: "REGISTERED",
            fqdn,
            ip_end_points: vec![end],
            api_prefix: address.prefix.trim_start_matches('/').to_owned(),
        }
    }
}
