//! Who serves something: asked at an NRF (Nnrf_NFDiscovery, TS 29.510 5.3.2.2).
//!
//! ```text
//! GET nf-instances?target-nf-type=AANF&requester-nf-type=AUSF&service-names=naanf-akma&routing-indicator=17
//! 200 {"validityPeriod": 60, "nfInstances": [profile, …]}
//! ```
//!
//! An answer is somebody else's text: of each profile that can be read, and says that it serves what was asked for, the apiRoot is taken.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use hyper::{Method, StatusCode};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::refusal::Refused;
use kaskade_keys::RoutingIndicator;
use serde::Deserialize;
use serde_json::Value;

use crate::sbi::client::{ClientError, SbiClient, api_root};
use crate::sbi::service::{NotDone, Service};

/// Peers of an answer that are looked at, and that are kept.
const MOST_PROFILES: usize = 64;
const MOST: usize = 16;

/// How long an answer is good, where it does not say so, and at most.
const USUAL: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);

/// Whom a network function looks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What it is itself (NFType).
    pub requester: &'static str,
    /// What it looks for (NFType).
    pub target: &'static str,
    /// Which service.
    pub service: &'static Service,
}

/// Why nobody is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotDiscovered {
    /// The NRF did not answer.
    #[error("the NRF: {0}")]
    Client(#[from] ClientError),
    /// It refuses.
    #[error("the NRF answered {0}")]
    Refused(StatusCode),
    /// It answers something else.
    #[error("the NRF answered nonsense: {0}")]
    Nonsense(serde_json::Error),
    /// It did not say a moment ago, and is not asked again yet.
    #[error("the NRF did not say it a moment ago, and is asked again soon")]
    Lately,
    /// It knows nobody.
    #[error("the NRF knows no {target} with {service} that could be reached{}", .indicator.map(|indicator| format!(", for routing indicator {indicator}")).unwrap_or_default())]
    Nobody {
        /// Who was looked for.
        target: &'static str,
        /// Which service.
        service: &'static str,
        /// For whom.
        indicator: Option<RoutingIndicator>,
    },
}

impl From<NotDiscovered> for NotDone {
    fn from(error: NotDiscovered) -> Self {
        Refused::from(Refusal::PeerUnreachable)
            .with_detail(error.to_string())
            .into()
    }
}

/// Who serves, the one first that is to be asked first, and how long that is good.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) roots: Vec<String>,
    pub(super) good_for: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchResult {
    validity_period: Option<u64>,
    #[serde(default)]
    nf_instances: Vec<Value>,
}

/// What of a profile matters (TS 29.510 6.2.6.2.3).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    nf_type: String,
    nf_status: Option<String>,
    priority: Option<u16>,
    fqdn: Option<String>,
    #[serde(default)]
    ipv4_addresses: Vec<String>,
    #[serde(default)]
    ipv6_addresses: Vec<String>,
    #[serde(default)]
    nf_services: Vec<ServiceAt>,
    #[serde(default)]
    nf_service_list: BTreeMap<String, ServiceAt>,
    #[serde(default)]
    aanf_info_list: BTreeMap<String, Info>,
    udm_info: Option<Info>,
    #[serde(default)]
    udm_info_list: BTreeMap<String, Info>,
}

/// For whom a network function is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    #[serde(default)]
    routing_indicators: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceAt {
    service_name: String,
    #[serde(default)]
    versions: Vec<VersionAt>,
    scheme: Option<String>,
    nf_service_status: Option<String>,
    fqdn: Option<String>,
    #[serde(default)]
    ip_end_points: Vec<EndPoint>,
    #[serde(default)]
    api_prefix: String,
    priority: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionAt {
    api_version_in_uri: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndPoint {
    ipv4_address: Option<String>,
    ipv6_address: Option<String>,
    port: Option<u16>,
}

fn is_up(status: Option<&String>) -> bool {
    status.is_none_or(|status| status == "REGISTERED")
}

impl Profile {
    /// Whether it is for subscribers of this routing indicator: a profile that says nothing is for all.
    fn is_for(&self, indicator: Option<RoutingIndicator>) -> bool {
        let infos = self.aanf_info_list.values().chain(&self.udm_info);
        let mut said = infos
            .chain(self.udm_info_list.values())
            .flat_map(|info| &info.routing_indicators)
            .peekable();
        let Some(indicator) = indicator.filter(|_| said.peek().is_some()) else {
            return true;
        };
        let indicator = indicator.to_string();
        said.any(|one| *one == indicator) || fault!("aanf-of-another-routing-indicator")
    }

    /// Priority and apiRoot of a service.
    fn service(&self, service: &Service) -> Option<(u16, String)> {
        let all = self.nf_service_list.values().chain(&self.nf_services);
        let roots = all.filter_map(|at| {
            let has_version = at.versions.is_empty()
                || at
                    .versions
                    .iter()
                    .any(|version| version.api_version_in_uri == service.version);
            if at.service_name != service.name || !has_version || !is_up(at.nf_service_status.as_ref()) {
                return None;
            }
            // The lowest number is the first choice.
            let priority = at.priority.or(self.priority).unwrap_or(u16::MAX);
            Some((priority, self.root(at)?))
        });
        roots.min_by_key(|(priority, _)| *priority)
    }

    fn root(&self, at: &ServiceAt) -> Option<String> {
        let scheme = at
            .scheme
            .as_deref()
            .filter(|scheme| matches!(*scheme, "http" | "https"))?;
        let end = at.ip_end_points.first();
        let of_end = end.and_then(|end| end.ipv4_address.as_ref().or(end.ipv6_address.as_ref()));
        let of_profile = || self.ipv4_addresses.first().or(self.ipv6_addresses.first());
        // A certificate has the name.
        let host = at.fqdn.as_ref().or(of_end).or(self.fqdn.as_ref()).or_else(of_profile)?;
        let host = match host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => host.clone(),
        };
        let port = end.and_then(|end| end.port).map(|port| format!(":{port}"));
        let prefix = at.api_prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        api_root(&format!("{scheme}://{host}{}{slash}{prefix}", port.unwrap_or_default())).ok()
    }
}

/// Reads an answer.
fn read(body: &[u8], wanted: &Wanted, indicator: Option<RoutingIndicator>) -> Result<Found, serde_json::Error> {
    let SearchResult {
        validity_period,
        nf_instances,
    } = serde_json::from_slice(body)?;
    let good_for = validity_period.map_or(USUAL, Duration::from_secs);
    let profiles = nf_instances.into_iter().take(MOST_PROFILES);
    let mut roots: Vec<(u16, String)> = profiles
        .filter_map(|profile| serde_json::from_value::<Profile>(profile).ok())
        .filter(|profile| profile.nf_type == wanted.target && is_up(profile.nf_status.as_ref()))
        .filter(|profile| profile.is_for(indicator))
        .filter_map(|profile| profile.service(wanted.service))
        .collect();
    roots.sort_by_key(|(priority, _)| *priority);
    let mut found: Vec<String> = Vec::new();
    for (_, root) in roots {
        if found.len() < MOST && !found.contains(&root) {
            found.push(root);
        }
    }
    Ok(Found {
        roots: found,
        good_for: good_for.clamp(Duration::from_secs(1), LONGEST),
    })
}

/// Asks an NRF who serves, for subscribers of a routing indicator.
///
/// # Errors
/// [`NotDiscovered`]; that nobody does is an answer.
pub(super) async fn discover(
    nrf: &SbiClient,
    wanted: &Wanted,
    indicator: Option<RoutingIndicator>,
) -> Result<Found, NotDiscovered> {
    let Wanted {
        requester,
        target,
        service,
    } = wanted;
    let mut path = format!(
        "/nnrf-disc/v1/nf-instances?target-nf-type={target}&requester-nf-type={requester}&service-names={}",
        service.name
    );
    if let Some(indicator) = indicator {
        path.push_str(&format!("&routing-indicator={indicator}"));
    }
    let answer = nrf.send(Method::GET, &path, None).await?;
    match answer.status {
        StatusCode::OK => read(&answer.body, wanted, indicator).map_err(NotDiscovered::Nonsense),
        // Some say so that there is nobody.
        StatusCode::NOT_FOUND => Ok(Found {
            roots: Vec::new(),
            good_for: USUAL,
        }),
        status => Err(NotDiscovered::Refused(status)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::services::{naanf_akma, nudm_uecm};

    const AANF: Wanted = Wanted {
        requester: "AUSF",
        target: "AANF",
        service: &naanf_akma::SERVICE,
    };

    fn service(more: Value) -> Value {
        let mut service = json!({
            "serviceInstanceId": "1", "serviceName": "naanf-akma", "scheme": "https", "nfServiceStatus": "REGISTERED",
            "versions": [{ "apiVersionInUri": "v1", "apiFullVersion": "1.0.0" }],
            "ipEndPoints": [{ "ipv4Address": "192.0.2.5", "port": 7780 }],
        });
        merge(&mut service, more);
        service
    }

    fn profile(more: Value) -> Value {
        let mut profile = json!({
            "nfInstanceId": "01020304-0506-4708-890a-0b0c0d0e0f10", "nfType": "AANF", "nfStatus": "REGISTERED",
            "nfServices": [service(json!({}))],
        });
        merge(&mut profile, more);
        profile
    }

    fn merge(into: &mut Value, more: Value) {
        let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) else {
            return;
        };
        into.extend(more);
    }

    fn found(profiles: Vec<Value>, indicator: &str) -> Vec<String> {
        let body = json!({ "validityPeriod": 100, "nfInstances": profiles }).to_string();
        let found = read(body.as_bytes(), &AANF, Some(indicator.parse().unwrap())).unwrap();
        assert_eq!(found.good_for, Duration::from_secs(100));
        found.roots
    }

    #[test]
    fn a_profile_gives_the_root_of_its_service() {
        let root = |more: Value| {
            let profile = profile(json!({ "fqdn": "aanf.example.org", "nfServices": [service(more)] }));
            found(vec![profile], "1").pop()
        };
        for (more, expected) in [
            (json!({}), Some("https://192.0.2.5:7780")),
            (json!({ "fqdn": "a.example.org" }), Some("https://a.example.org:7780")),
            (json!({ "ipEndPoints": [] }), Some("https://aanf.example.org")),
            (
                json!({ "ipEndPoints": [{ "ipv6Address": "2001:db8::7" }], "apiPrefix": "/a/b/" }),
                Some("https://[2001:db8::7]/a/b"),
            ),
            (json!({ "scheme": "http" }), Some("http://192.0.2.5:7780")),
            (json!({ "scheme": "ftp" }), None),
            (json!({ "scheme": null }), None),
            (json!({ "serviceName": "nausf-auth" }), None),
            (json!({ "nfServiceStatus": "SUSPENDED" }), None),
            (json!({ "versions": [{ "apiVersionInUri": "v2" }] }), None),
            (json!({ "fqdn": "a b" }), None),
            (json!({ "ipEndPoints": "none" }), None),
        ] {
            assert_eq!(root(more.clone()).as_deref(), expected, "{more}");
        }
        // The newer form, by the name of the service.
        let newer = profile(json!({ "nfServices": null, "nfServiceList": { "x": service(json!({})) } }));
        assert_eq!(found(vec![newer], "1").len(), 0, "null is no list");
        let mut newer = profile(json!({ "nfServiceList": { "x": service(json!({})) } }));
        newer.as_object_mut().unwrap().remove("nfServices");
        assert_eq!(found(vec![newer], "1"), ["https://192.0.2.5:7780"]);
    }

    #[test]
    fn only_those_are_taken_that_are_for_the_routing_indicator_and_serve() {
        let at = |port: u16, more: Value| {
            let service = service(json!({ "ipEndPoints": [{ "ipv4Address": "192.0.2.5", "port": port }] }));
            let mut profile = profile(json!({ "nfServices": [service] }));
            merge(&mut profile, more);
            profile
        };
        let profiles = || {
            vec![
                at(1, json!({ "aanfInfoList": { "a": { "routingIndicators": ["17"] } } })),
                at(
                    2,
                    json!({ "aanfInfoList": { "a": { "routingIndicators": ["1", "2"] } }, "priority": 9 }),
                ),
                at(3, json!({ "priority": 10 })),
                at(4, json!({ "nfType": "UDM" })),
                at(5, json!({ "nfStatus": "SUSPENDED" })),
                json!("nonsense"),
                at(6, json!({ "priority": 10, "aanfInfoList": { "a": {} } })),
            ]
        };
        let root = |port: u16| format!("https://192.0.2.5:{port}");
        assert_eq!(found(profiles(), "17"), [root(3), root(6), root(1)]);
        assert_eq!(found(profiles(), "2"), [root(2), root(3), root(6)]);
        assert_eq!(found(profiles(), "0"), [root(3), root(6)]);
        let many = (1..100).map(|port| at(port, json!({}))).collect();
        assert_eq!(found(many, "0").len(), MOST);
        let udm = Wanted {
            target: "UDM",
            service: &nudm_uecm::SERVICE,
            ..AANF
        };
        assert!(read(b"{}", &udm, None).unwrap().roots.is_empty());
        assert!(read(b"[]", &udm, None).is_err());
        assert_eq!(read(b"{}", &udm, None).unwrap().good_for, USUAL);
    }
}
