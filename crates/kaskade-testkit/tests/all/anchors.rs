//! Keys below an EMSK with the store itself: a key is told when its record is durable; who holds keys is known after a restart, and told of
//! the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kaskade_anchor::emsk::{
    Admission, Anchor, AnchorAsk, AnchorInput, AnchorOutput, Ask, Asked, Caller, Custody, DataRule, Grant, Holder,
    HolderId, Life, Limits, Registry, Retired, Retirement, Root, SealedRoot, TO_HOLDERS, Usage, Wanted, Who, Why,
    retire,
};
use kaskade_crypto::{Autn, Rand};
use kaskade_flow::event::{PeerId, Subject};
use kaskade_flow::machine::Machine;
use kaskade_flow::record::Record;
use kaskade_flow::{Entropy, Guarded, Moment, NoRandomness, Unit, UnixMillis};
use kaskade_keys::Supi;
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::SessionId;
use kaskade_store::engine::Engine;
use kaskade_store::records::{Records, Taken};
use kaskade_store::{MasterKey, SubscriberStore};
use kaskade_testkit::clock::Hands;
use kaskade_testkit::memory::MemoryEngine;

const NOW: Moment = Moment::from_nanos(1);
const HOUR: Duration = Duration::from_secs(3600);

struct Nothing;

impl Entropy for Nothing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

fn supi() -> Supi {
    "imsi-001010000000001".parse().unwrap()
}

fn about() -> Subject {
    Subject::new([1; 8], &supi())
}

/// The EMSK of a run of this number.
fn root(run: u8) -> Root {
    let session = SessionId::aka_prime(&Rand::from_octets([run; 16]), &Autn::from_octets([2; 16]));
    Root::of_eap(Emsk::from_octets(&[run; 64]), session)
}

/// `af` asks for the key of a usage.
fn asked(at: UnixMillis) -> Asked {
    let mut registry = Registry::new();
    let usage = Usage {
        label: "one@example.org".parse().unwrap(),
        domain: None,
        data: DataRule::None,
        grants: vec![Grant::to(Who::Principal("af".into()))],
        lifetime: HOUR,
    };
    registry.add(usage).unwrap();
    let ask = Ask {
        label: "one@example.org".parse().unwrap(),
        domain: None,
        data: Wanted::TheKey,
    };
    let caller = Caller {
        principal: "af",
        groups: &[],
    };
    Asked {
        admission: Admission::Usage(registry.admit(&caller, &ask).unwrap()),
        callback: Some("https://af.example.org/ended".parse().unwrap()),
        at,
        by: PeerId::of("af"),
        about: about(),
        correlation: 0,
    }
}

struct Node {
    store: SubscriberStore,
    records: Records,
}

fn node(engine: &Arc<MemoryEngine>) -> Node {
    let engine: Arc<dyn Engine> = engine.clone();
    let key = MasterKey::from_octets(&[5; 32]);
    let store = SubscriberStore::with_engine(engine, Path::new("anchors"), &key, Hands::new().options()).unwrap();
    let records = store.records();
    records.declare(&[Holder::KIND, SealedRoot::KIND]).unwrap();
    Node { store, records }
}

fn commit(node: &Node, unit: Unit) {
    drop(node.records.commit(unit, Guarded::new(())).wait().unwrap());
}

/// A life that begins now, by the clock of the store.
fn begun(node: &Node, run: u8, custody: Custody) -> Anchor {
    let life = Life::from_now(HOUR, node.records.now(), NOW);
    let limits = Limits {
        custody,
        ..Limits::default()
    };
    let (anchor, unit) = Anchor::begin(supi(), root(run), life, limits);
    unit.into_iter().for_each(|unit| commit(node, unit));
    anchor
}

fn ask(node: &Node, anchor: Anchor) -> Anchor {
    let input = AnchorInput::Asked(Box::new(asked(node.records.now())));
    let step = anchor.handle(NOW, &mut Nothing, Some(input));
    let Some(AnchorAsk::Note(id)) = step.ask else { panic!() };
    let durable = node
        .records
        .commit(*step.unit.unwrap(), step.out.unwrap())
        .wait()
        .unwrap();
    let cover = durable.cover();
    assert!(matches!(durable.release_to_peer(), AnchorOutput::Key(_)));
    step.next
        .unwrap()
        .handle(NOW, &mut Nothing, Some(AnchorInput::Written(id, cover)))
        .next
        .unwrap()
}

fn holders(node: &Node) -> Vec<(HolderId, Holder)> {
    let found = pollster::block_on(node.records.list_of::<Holder>(&supi(), None, 10)).unwrap();
    found
        .into_iter()
        .map(|found| (HolderId::from_octets(found.key.1), found.record))
        .collect()
}

fn sealed_roots(node: &Node) -> Vec<SealedRoot> {
    let found = pollster::block_on(node.records.list_of::<SealedRoot>(&supi(), None, 10)).unwrap();
    found.into_iter().map(|found| found.record).collect()
}

fn told(node: &Node) -> Vec<Retirement> {
    let mut all = Vec::new();
    while node.records.outbox().count(&TO_HOLDERS).waiting > 0 {
        let taken = pollster::block_on(node.records.outbox().take(&TO_HOLDERS)).unwrap();
        let Taken::Message(delivery) = taken else {
            break;
        };
        all.push(Retirement::read(delivery.body()).unwrap());
        drop(delivery.done());
    }
    all
}

#[test]
fn who_holds_keys_of_a_lost_emsk_is_known_after_a_restart_and_told() {
    let engine = Arc::new(MemoryEngine::default());
    let before = node(&engine);
    let anchor = ask(&before, begun(&before, 1, Custody::Process));
    let name = anchor.name();
    drop((anchor, before.records, before.store));

    let after = node(&engine);
    assert!(sealed_roots(&after).is_empty(), "it died with its process");
    let found = holders(&after);
    let [(_, holder)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((holder.principal.as_str(), holder.emsk_name), ("af", name));
    let by_name = pollster::block_on(after.records.find_all::<Holder>((0, name.octets()), None, 10)).unwrap();
    assert_eq!(by_name.len(), 1);
    let lost = Retired {
        supi: &supi(),
        name,
        sealed: None,
        why: Why::Lost,
        at: after.records.now(),
        about: about(),
    };
    commit(&after, retire(&lost, found));
    assert!(holders(&after).is_empty());
    let told = told(&after);
    assert_eq!((told.len(), told[0].why), (1, Why::Lost));
}

#[test]
fn a_sealed_emsk_goes_on_and_its_holders_with_it() {
    let engine = Arc::new(MemoryEngine::default());
    let before = node(&engine);
    let name = ask(&before, begun(&before, 1, Custody::Sealed)).name();
    drop((before.records, before.store));

    let after = node(&engine);
    let sealed = sealed_roots(&after).pop().unwrap();
    assert_eq!(sealed.name(), name);
    let limits = Limits {
        custody: Custody::Sealed,
        ..Limits::default()
    };
    let restored = Anchor::restore(supi(), sealed, holders(&after), limits, after.records.now(), NOW);
    assert_eq!((restored.name(), restored.holders().count()), (name, 1));
    let restored = ask(&after, restored);
    assert_eq!(restored.holders().count(), 1);
    let retired = AnchorInput::Retired {
        why: Why::Deregistered,
        at: after.records.now(),
        about: about(),
    };
    commit(&after, *restored.handle(NOW, &mut Nothing, Some(retired)).unit.unwrap());
    assert!(sealed_roots(&after).is_empty());
    assert!(holders(&after).is_empty());
    assert_eq!(told(&after).len(), 1);
}

#[test]
fn an_emsk_that_is_retired_late_takes_nothing_from_the_next_one() {
    let engine = Arc::new(MemoryEngine::default());
    let node = node(&engine);
    // A request for a key below the first was being dealt with when the user was authenticated again.
    let first = ask(&node, begun(&node, 1, Custody::Sealed));
    let next = ask(&node, begun(&node, 2, Custody::Sealed));
    let retired = AnchorInput::Retired {
        why: Why::Reauthenticated,
        at: node.records.now(),
        about: about(),
    };
    let name = first.name();
    commit(&node, *first.handle(NOW, &mut Nothing, Some(retired)).unit.unwrap());
    let told = told(&node);
    let [ended] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(ended.holder.emsk_name, name);
    let names = |emsk: Vec<_>| emsk == [next.name()];
    assert!(names(
        holders(&node).iter().map(|(_, holder)| holder.emsk_name).collect()
    ));
    assert!(names(sealed_roots(&node).iter().map(SealedRoot::name).collect()));
}
