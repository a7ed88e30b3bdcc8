//! The declarations of the services: what readers are told of them, and what they must say.

use std::collections::BTreeSet;

use kaskade_codec::sbi::NfInstanceId;
use kaskade_codec::sbi::nausf_auth::AuthenticationInfo;
use kaskade_codec::sbi::nudm_ueau::AuthenticationInfoRequest;
use kaskade_net::role::ausf::UdmLink;
use kaskade_net::role::udm::OwnUdm;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::Caller;
use kaskade_net::services::nausf_auth::NausfAuth;
use kaskade_net::services::nudm_ueau::NudmUeau;
use kaskade_net::services::{ALL, page};

use crate::common::{Home, Link, snn, supi};

#[test]
fn readers_are_told_what_is_declared() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sbi.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page(),
        "docs/sbi.md is stale: `cargo run -p kaskade-net --example sbi > docs/sbi.md`"
    );
}

#[test]
fn every_operation_says_who_may_what_and_why_not() {
    let mut labels = BTreeSet::new();
    for service in ALL {
        assert!(!service.title.is_empty() && !service.clause.is_empty());
        let mut asked = BTreeSet::new();
        for operation in service.operations {
            let label = operation.label();
            assert_eq!(operation.api, service.name, "{label}");
            assert!(labels.insert(label.clone()), "{label}: twice");
            // Variables by any name are one path.
            let path = operation
                .path
                .split('/')
                .map(|name| if name.starts_with('{') { "{}" } else { name });
            let path = path.collect::<Vec<_>>().join("/");
            assert!(
                asked.insert((operation.method.to_string(), path)),
                "{label}: two of one path and method"
            );
            assert!(
                operation.path.starts_with('/') && !operation.path.ends_with('/'),
                "{label}"
            );
            assert!(
                operation.title.ends_with('.') && operation.clause.contains(' '),
                "{label}: {}",
                operation.title
            );
            assert!(
                operation.scope.split(':').next() == Some(service.name),
                "{label}: the scope of another API"
            );
            for refusal in operation.all_refusals() {
                assert!(
                    refusal.verdict().sbi.answer().is_some(),
                    "{label}: nobody can be told {refusal:?} here"
                );
            }
            let twice = operation.refusals.iter().collect::<BTreeSet<_>>().len() != operation.refusals.len();
            assert!(!twice, "{label}: a refusal twice");
            // A secret is on record before it is told, and goes with POST or PUT only: a GET is kept on the way.
            let answer = operation.answer;
            let secret = answer.body.is_some_and(|body| body.secret);
            assert!(!secret || answer.released && operation.method != "GET", "{label}");
        }
    }
}

/// What waits for a UDM of the same process is a task of its own for each request: with everything that a client of HTTP/2 needs it
/// was four times as large.
#[tokio::test]
async fn a_request_to_the_roles_is_small() {
    let home = Home::start(Link::Local);
    let (ausf, udm) = (home.ausf().ausf().unwrap(), home.udm.udm().unwrap());
    let caller = Caller::new(Requester::group("amf"));
    let info = AuthenticationInfo {
        supi_or_suci: supi(0).into(),
        serving_network_name: snn(),
        resynchronization_info: None,
    };
    let role = size_of_val(&ausf.authenticate(&caller, info.clone()));
    let service = size_of_val(&NausfAuth::authenticate(ausf, &caller, info));
    let request = AuthenticationInfoRequest {
        serving_network_name: snn(),
        ausf_instance_id: NfInstanceId::from_random([1; 16]),
        resynchronization_info: None,
    };
    let own = OwnUdm(udm.clone());
    let vector = size_of_val(&own.generate_auth_data(&caller, supi(0).into(), request));
    let link = UdmLink::Here(own);
    let linked = size_of_val(&link.generate_auth_data(&caller, supi(0).into(), request));
    assert!(
        linked <= vector + size_of::<usize>(),
        "{linked} beside {vector}: the link is no call"
    );
    assert!(role <= 3 * 1024 && service <= role + 512, "{vector} {role} {service}");
}
