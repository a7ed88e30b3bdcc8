//! Speed of keys below an EMSK against the derivations that they consist of, measured in the same run.
//!
//! | Row | Of what the bound is |
//! |---|---|
//! | key of a usage, again | EMSKname, USRKname twice, USRK, identifier of the holder, a fingerprint |
//! | key of a usage, first | the same, and the record of the holder |
//! | ERP, one packet | rIK, tag of the Initiate, rMSK, tag of the Finish, a fingerprint |
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a benchmark fails by panicking, prints what it saw, and casts its own constants"
)]
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]

#[path = "../../kaskade-crypto/benches/rounds/mod.rs"]
mod rounds;

use std::hint::black_box;
use std::time::Duration;

use kaskade_anchor::emsk::{
    Admission, Anchor, AnchorAsk, AnchorInput, Ask, Asked, Caller, DataRule, Grant, HolderId, Life, Limits, Registry,
    Root, Usage, Wanted, Who,
};
use kaskade_anchor::erp::{ErInput, ErOptions, ErServer, Peer, PeerOptions};
use kaskade_codec::erp::Flags;
use kaskade_crypto::{Autn, KeyMaterial, Rand};
use kaskade_flow::event::{PeerId, Subject};
use kaskade_flow::machine::Machine;
use kaskade_flow::{Entropy, Guarded, Moment, NoRandomness, UnixMillis};
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::{Cryptosuite, ErpSequence, SessionId};
use rounds::Table;

struct Nothing;

impl Entropy for Nothing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

const NOW: Moment = Moment::from_nanos(1);
const AT: UnixMillis = UnixMillis::new(1_700_000_000_000);

fn session() -> SessionId {
    SessionId::aka_prime(&Rand::from_octets([1; 16]), &Autn::from_octets([2; 16]))
}

fn anchor() -> Anchor {
    let root = Root::of_eap(Emsk::from_octets(&[7; 64]), session());
    let life = Life::from_now(Duration::from_secs(36_000), AT, NOW);
    let supi = "imsi-001010000000001".parse().expect("a SUPI");
    Anchor::begin(supi, root, life, Limits::default()).0
}

fn main() {
    let mut registry = Registry::new();
    let usage = Usage {
        label: "slice@example.org".parse().expect("a label"),
        domain: None,
        data: DataRule::Slice,
        grants: vec![Grant::to(Who::Principal("smf.example.org".into()))],
        lifetime: Duration::from_secs(3600),
    };
    registry.add(usage).expect("a registry");
    let ask = Ask {
        label: "slice@example.org".parse().expect("a label"),
        domain: None,
        data: Wanted::Slice("1-0000d1".parse().expect("a slice"), None),
    };
    let caller = Caller {
        principal: "smf.example.org",
        groups: &[],
    };
    let asked = || {
        let admitted = registry.admit(black_box(&caller), black_box(&ask)).expect("admitted");
        Box::new(Asked {
            admission: Admission::Usage(admitted),
            callback: Some("https://smf.example.org/ended".parse().expect("a URI")),
            at: AT,
            by: PeerId::of("smf.example.org"),
            about: Subject::NOBODY,
            correlation: 0,
        })
    };
    let emsk = Emsk::from_octets(&[7; 64]);
    let of = registry.admit(&caller, &ask).expect("admitted").of().clone();
    let bound = || {
        let key = black_box(&emsk).usrk(&of.label, &of.data);
        let names = [(); 2].map(|()| session().usrk_name(&of.label, &of.data));
        (
            session().emsk_name(),
            names,
            HolderId::of_usage(session().emsk_name(), "smf.example.org", &of),
            key.fingerprint(),
        )
    };
    let mut table = Table::new();

    let mut current = Some(anchor());
    let step = current
        .take()
        .expect("one")
        .handle(NOW, &mut Nothing, Some(AnchorInput::Asked(asked())));
    let Some(AnchorAsk::Note(id)) = step.ask else {
        panic!("noted")
    };
    let cover = Guarded::new(()).made_durable().cover();
    let written = step
        .next
        .expect("one")
        .handle(NOW, &mut Nothing, Some(AnchorInput::Written(id, cover)));
    current = written.next;
    table.row(
        "key of a usage, again",
        "its derivation and names",
        3.0,
        1,
        || {
            let step = current
                .take()
                .expect("one")
                .handle(NOW, &mut Nothing, Some(AnchorInput::Asked(asked())));
            assert!(step.unit.is_none());
            current = step.next;
            step.out
        },
        bound,
    );
    table.row(
        "key of a usage, first",
        "its derivation and names",
        4.0,
        1,
        || {
            let step = anchor().handle(NOW, &mut Nothing, Some(AnchorInput::Asked(asked())));
            assert!(step.unit.is_some());
            (step.unit, step.out)
        },
        bound,
    );

    let realm = || "example.org".parse().expect("a realm");
    let options = ErOptions::default();
    let peer = Peer::home(
        &Root::of_eap(Emsk::from_octets(&[7; 64]), session()),
        realm(),
        PeerOptions::default(),
    );
    let peer = peer.expect("a name").expect("an EAP session");
    let (_, packet) = peer.start(None, Flags::default(), NOW).expect("a packet");
    let r_rk = emsk.r_rk();
    table.row(
        "ERP, a server made and one packet",
        "rRK, rIK, rMSK, EMSKname, two tags",
        2.5,
        1,
        || {
            let server = ErServer::home(&mut anchor(), realm(), options.clone())
                .expect("a name")
                .expect("an EAP session");
            let input = ErInput {
                initiate: packet.clone(),
                at: AT,
                by: PeerId::of("ap.example.org"),
                about: Subject::NOBODY,
                bootstrap: None,
            };
            server
                .handle(NOW, &mut Nothing, Some(Box::new(input)))
                .out
                .expect("a Finish")
        },
        || {
            let suite = Cryptosuite::HmacSha256Of128;
            let root = black_box(&emsk).r_rk();
            let tags = [(); 2].map(|()| black_box(&r_rk).r_ik(suite).tag(&packet));
            let r_msk = root.r_msk(ErpSequence::new(0));
            (tags, session().emsk_name(), r_msk.fingerprint())
        },
    );
    table.finish();
}
