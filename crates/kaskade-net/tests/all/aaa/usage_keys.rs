//! What a full authentication behind RADIUS leaves below its EMSK.

use kaskade_anchor::emsk::{DataRule, Grant, KeyOf, Registry, Root, Usage, Who};
use kaskade_codec::sbi::usage_keys::{UsageKey, UsageKeyRequest};
use kaskade_keys::id::UsageData;
use kaskade_net::node::UsageKeysRole;
use kaskade_net::role::policy::Groups;
use kaskade_net::role::usage_keys::{UsageKeysOptions, UsagePolicy};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::{Caller, NotDone};
use kaskade_net::services::usage_keys::Client;

use super::*;
use crate::common::client;

const LABEL: &str = "one@example.org";

async fn key(node: &Node) -> Result<UsageKey, NotDone> {
    let url = node.usage_keys_url().expect("a socket of its own");
    let request = UsageKeyRequest {
        supi: supi(0),
        label: LABEL.parse().unwrap(),
        domain: None,
        data_hex: None,
        snssai: None,
        application: None,
        callback_uri: None,
    };
    let caller = Caller::new(Requester::group("test"));
    Client::new(client(url)).usage_key(&caller, request).await
}

#[tokio::test]
async fn after_a_full_authentication_behind_radius_there_is_the_key_of_the_device() {
    let store = store();
    let mut options = node_options(&store, aaa_options());
    let mut registry = Registry::new();
    let usage = Usage {
        label: LABEL.parse().unwrap(),
        domain: None,
        data: DataRule::None,
        grants: vec![Grant::to(Who::Group("af".into()))],
        lifetime: Duration::from_secs(60),
    };
    registry.add(usage).unwrap();
    options.groups = Groups::default().with("af", ["127.0.0.1".parse().unwrap()]);
    options.usage_keys = Some(UsageKeysRole {
        store: store.clone(),
        options: UsageKeysOptions {
            policy: UsagePolicy::new(registry).with(Requester::group("af").id(), "af"),
            ..UsageKeysOptions::default()
        },
        listen: Some((([127, 0, 0, 1], 0).into(), Default::default())),
    });
    let node = Node::start(options).unwrap();
    let address = node.radius_addresses().0[0];
    assert!(key(&node).await.is_err(), "nobody was authenticated");
    let mut device = device(0);
    let (full, _) = attach(&mut device, address).await.comes_in();
    assert!(!full.reauthentication);
    let of = KeyOf::usage(LABEL.parse().unwrap(), UsageData::default());
    let mut at_device = Root::of_eap(full.emsk, full.session_id);
    let first = key(&node).await.unwrap();
    assert_eq!(
        first.key.expose_to_its_server(),
        at_device.key(&of).expose_to_usage_server()
    );
    assert_eq!(
        (first.emsk_name, first.key_name),
        (at_device.name(), at_device.key_name(&of))
    );
    // A fast re-authentication has an EMSK of its own at both ends, which ends the one before.
    let (fast, _) = attach(&mut device, address).await.comes_in();
    assert!(fast.reauthentication);
    let second = key(&node).await.unwrap();
    assert_eq!(second.emsk_name, fast.session_id.emsk_name());
    assert_eq!(
        second.key.expose_to_its_server(),
        Root::of_eap(fast.emsk, fast.session_id)
            .key(&of)
            .expose_to_usage_server()
    );
    assert_ne!(second.key.expose_to_its_server(), first.key.expose_to_its_server());
    // So has the next full one.
    let (next, _) = attach(&mut super::device(0), address).await.comes_in();
    assert!(!next.reauthentication);
    let other = key(&node).await.unwrap();
    assert_ne!(other.key.expose_to_its_server(), second.key.expose_to_its_server());
    assert_eq!(other.emsk_name, next.session_id.emsk_name());
    node.shutdown().await;
}
