//! Which usages there are, and who may have which of their keys.

use core::time::Duration;

use kaskade_anchor::emsk::{
    Ask, Caller, DataRule, Domain, Grant, KeyOf, NotAdmitted, Registry, RegistryError, Usage, Wanted,
};
use kaskade_flow::Refusal;
use kaskade_keys::id::{UsageApplication, UsageData};

use crate::common::{HOUR, ask, caller, principal, registry};

fn application(text: &str) -> UsageApplication {
    text.parse().unwrap()
}

fn slice(text: &str) -> Wanted {
    Wanted::Slice(text.parse().unwrap(), None)
}

#[test]
fn whoever_is_named_may_have_what_the_rule_says() {
    let registry = registry();
    let of = |label: &str, data: Wanted| {
        registry
            .admit(&caller("af"), &ask(label, data))
            .map(|ok| ok.of().clone())
    };
    let expected = |label: &str, data: &str| KeyOf::usage(label.parse().unwrap(), data.parse().unwrap());
    assert_eq!(
        of("one@example.org", Wanted::TheKey),
        Ok(expected("one@example.org", ""))
    );
    let four = UsageData::from_octets(&[1, 2, 3, 4]).unwrap();
    assert_eq!(
        of("octets@example.org", Wanted::Octets(four)),
        Ok(expected("octets@example.org", "01020304"))
    );
    assert_eq!(
        of("service@example.org", Wanted::Service(application("chat"))),
        Ok(expected("service@example.org", "service:chat"))
    );
    let with_application = Wanted::Slice("1-0000d1".parse().unwrap(), Some(application("chat")));
    assert_eq!(
        of("slice@example.org", with_application),
        Ok(expected("slice@example.org", "slice:1-0000d1/chat"))
    );
    assert_eq!(
        of("slice@example.org", slice("7")),
        Ok(expected("slice@example.org", "slice:7"))
    );
}

#[test]
fn nobody_else_may() {
    let registry = registry();
    for name in ["", "AF", "af ", "er", "somebody"] {
        for (label, data) in [("one@example.org", Wanted::TheKey), ("slice@example.org", slice("7"))] {
            let error = registry.admit(&caller(name), &ask(label, data)).unwrap_err();
            assert_eq!(error.refusal(), Refusal::PeerNotAuthorized, "{name}: {error}");
        }
    }
    let long = "a".repeat(256);
    assert_eq!(
        registry.admit(&caller(&long), &ask("one@example.org", Wanted::TheKey)),
        Err(NotAdmitted::CallerName(256))
    );
    let unknown = registry
        .admit(&caller("af"), &ask("two@example.org", Wanted::TheKey))
        .unwrap_err();
    assert_eq!(unknown, NotAdmitted::UsageUnknown("two@example.org".parse().unwrap()));
    assert_eq!(unknown.refusal(), Refusal::DataNotFound);
    assert!(unknown.to_string().contains("two@example.org"));
    let elsewhere = Ask {
        domain: Some("other.example".parse().unwrap()),
        ..ask("one@example.org", Wanted::TheKey)
    };
    assert!(matches!(
        registry.admit(&caller("af"), &elsewhere),
        Err(NotAdmitted::UsageUnknown(_))
    ));
    assert!(
        Registry::new().admit(&caller("af"), &elsewhere).is_err(),
        "by default there is nothing"
    );
}

#[test]
fn a_key_of_one_slice_is_not_had_by_whoever_has_another() {
    let registry = registry();
    let red = Caller {
        principal: "nf-7",
        groups: &["blue".to_owned(), "red".to_owned()],
    };
    assert!(
        registry
            .admit(&red, &ask("slice@example.org", slice("1-0000d1")))
            .is_ok()
    );
    for other in ["1-0000d2", "1", "2-0000d1", "1-ffffff"] {
        let refused = registry
            .admit(&red, &ask("slice@example.org", slice(other)))
            .unwrap_err();
        assert!(matches!(&refused, NotAdmitted::SliceNotAllowed { .. }), "{other}");
        assert_eq!(refused.refusal(), Refusal::PeerNotAuthorized);
    }
    let blue = Caller {
        principal: "nf-8",
        groups: &["blue".to_owned()],
    };
    assert!(matches!(
        registry.admit(&blue, &ask("slice@example.org", slice("1-0000d1"))),
        Err(NotAdmitted::UsageNotAllowed(_))
    ));
    // A name is not a group.
    assert!(
        registry
            .admit(&caller("red"), &ask("slice@example.org", slice("1-0000d1")))
            .is_err()
    );
}

#[test]
fn data_are_of_the_kind_of_the_usage() {
    let registry = registry();
    let octets = |octets: &[u8]| Wanted::Octets(UsageData::from_octets(octets).unwrap());
    let all = [
        Wanted::TheKey,
        octets(&[0; 16]),
        Wanted::Service(application("chat")),
        slice("1"),
    ];
    for (at, label) in [
        "one@example.org",
        "octets@example.org",
        "service@example.org",
        "slice@example.org",
    ]
    .iter()
    .enumerate()
    {
        for (kind, data) in all.iter().enumerate() {
            let admitted = registry.admit(&caller("af"), &ask(label, data.clone()));
            assert_eq!(admitted.is_ok(), at == kind, "{label}: {data:?}");
            if let Err(error) = admitted {
                assert!(matches!(error, NotAdmitted::WrongData { .. }), "{error:?}");
                assert_eq!(error.refusal(), Refusal::Malformed);
            }
        }
    }
    let many = registry.admit(&caller("af"), &ask("octets@example.org", octets(&[0; 17])));
    assert!(matches!(many, Err(NotAdmitted::WrongData { .. })));
}

#[test]
fn a_domain_is_for_its_key_server() {
    let registry = registry();
    let domain = "visited.example".parse().unwrap();
    assert_eq!(registry.admit_domain(&caller("er"), &domain).unwrap().domain(), &domain);
    for (name, domain) in [("af", "visited.example"), ("er", "other.example")] {
        let error = registry
            .admit_domain(&caller(name), &domain.parse().unwrap())
            .unwrap_err();
        assert_eq!(error, NotAdmitted::DomainNotAllowed(domain.parse().unwrap()));
        assert_eq!(error.refusal(), Refusal::PeerNotAuthorized);
    }
    // However it is written, its key is that of the name in the registry.
    let upper = registry
        .admit_domain(&caller("er"), &"VISITED.example".parse().unwrap())
        .unwrap();
    assert_eq!(upper.domain(), &domain);
    let in_domain = Ask {
        domain: Some("Visited.Example".parse().unwrap()),
        ..ask("one@example.org", Wanted::TheKey)
    };
    let admitted = registry.admit(&caller("af"), &in_domain).unwrap();
    assert_eq!(admitted.of().domain.as_ref(), Some(&domain));
}

#[test]
fn a_registry_refuses_what_contradicts_itself() {
    let mut registry = registry();
    let usage = |label: &str| Usage {
        label: label.parse().unwrap(),
        domain: None,
        data: DataRule::None,
        grants: vec![Grant::to(principal("af"))],
        lifetime: HOUR,
    };
    assert!(matches!(
        registry.add(usage("one@example.org")),
        Err(RegistryError::UsageTwice(_))
    ));
    let short = Usage {
        lifetime: Duration::from_millis(999),
        ..usage("new@example.org")
    };
    assert!(matches!(registry.add(short), Err(RegistryError::NoLifetime(_))));
    let wide = Usage {
        data: DataRule::Octets { most: 2049 },
        ..usage("new@example.org")
    };
    assert!(matches!(
        registry.add(wide),
        Err(RegistryError::TooMuchData { most: 2049, .. })
    ));
    let nameless = Usage {
        grants: vec![Grant::to(principal(""))],
        ..usage("new@example.org")
    };
    assert!(matches!(registry.add(nameless), Err(RegistryError::Name(_))));
    let domain = |name: &str| Domain {
        domain: name.parse().unwrap(),
        servers: vec![principal("er")],
        lifetime: HOUR,
    };
    assert!(matches!(
        registry.add_domain(domain("Visited.example")),
        Err(RegistryError::DomainTwice(_))
    ));
    assert_eq!(registry.usages().count(), 5);
    assert!(registry.add(usage("new@example.org")).is_ok() && registry.add_domain(domain("new.example")).is_ok());
    assert_eq!((registry.usages().count(), registry.domains().count()), (6, 2));
}
