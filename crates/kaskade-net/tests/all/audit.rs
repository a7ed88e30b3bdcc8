//! Nothing is given out that is not on record, and what is refused is counted.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::ue::UeReject;
use kaskade_codec::sbi::nausf_auth::AuthenticationInfo;
use kaskade_codec::sbi::{ResynchronizationInfo, SupiOrSuci};
use kaskade_crypto::Auts;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Entry, Event, Outcome, Reason};
use kaskade_keys::Abba;
use kaskade_keys::derivation::Fingerprint;
use kaskade_keys::fivegs::ResStar;
use kaskade_net::role::ausf::{self, AusfError};
use kaskade_net::role::seaf::AusfClientError;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::problem::Cause;
use kaskade_net::sbi::service::Caller;
use kaskade_store::MasterKey;
use kaskade_store::audit::{AuditLog, AuditOptions, LogReader, PeerNames, WhenFull};

use crate::cancelled::{begun, is_cancelled};
use crate::common::{Home, Link, snn, supi, ue, ue_ahead};

const LINKS: [Link; 2] = [Link::Local, Link::Http];

/// A folder with a master key, and where a log is in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    key: MasterKey,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::create(&folder.path().join("master.key")).unwrap();
        Self { folder, key }
    }

    pub(crate) fn open(&self, name: &str, change: impl FnOnce(&mut AuditOptions)) -> AuditLog {
        let mut options = AuditOptions::new(&self.path(name));
        options.segment_bytes = AuditOptions::LEAST_SEGMENT;
        change(&mut options);
        AuditLog::open(options, &self.key).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    /// What a log that is closed holds, but for its own entries; and the names of the peers.
    pub(crate) fn read(&self, name: &str) -> (Vec<Event>, PeerNames) {
        let reader = LogReader::open(&self.path(name), Some(&self.key)).unwrap();
        let (mut events, mut names) = (Vec::new(), PeerNames::default());
        let visit = &mut |_: u64, entry: &Entry| {
            names.see(entry);
            if let Entry::Event(event) = entry
                && !matches!(event.action(), Action::LogOpened | Action::LogClosed)
            {
                events.push(*event);
            }
        };
        reader.read(None, &mut |_, _| (), visit).unwrap();
        events.sort_by_key(|event| event.action());
        (events, names)
    }
}

/// A home whose roles have a log each.
fn home(place: &Place, link: Link) -> Home {
    let [udm, ausf] = ["udm", "ausf"].map(|name| place.open(name, |_| {}));
    Home::start_with(link, |setup| {
        setup.udm.audit = udm;
        setup.ausf.audit = ausf;
    })
}

fn actions(events: &[Event]) -> Vec<(Outcome, Action, Reason)> {
    let what = |event: &Event| (event.outcome(), event.action(), event.reason());
    events.iter().map(what).collect()
}

#[tokio::test]
async fn every_release_is_on_record() {
    for link in LINKS {
        let place = Place::new();
        let home = home(&place, link);
        let seaf = home.seaf();
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let (rand, autn) = (challenge.se_av.rand, challenge.se_av.autn);
        let at_ue = ue(0).challenge(&rand, &autn, &snn(), &Abba::INITIAL).unwrap();
        let told = seaf
            .confirm(&challenge.confirmation, Some(&at_ue.res_star))
            .await
            .unwrap();
        let (_, k_seaf) = told.expect("the right answer");
        seaf.delete(&challenge.confirmation).await.unwrap();
        drop(seaf);
        home.shutdown().await;
        let (of_udm, names_of_udm) = place.read("udm");
        let (of_ausf, names) = place.read("ausf");
        use Outcome::{Changed, Noted, Released};
        let mut expected = vec![(Released, Action::VectorGiven, Reason::None)];
        if link == Link::Http {
            expected.push((Noted, Action::ResultReported, Reason::Success));
        }
        assert_eq!(actions(&of_udm), expected, "{link:?}");
        let expected = [
            (Released, Action::ChallengeGiven, Reason::None),
            (Released, Action::KeyReleased, Reason::Success),
            (Changed, Action::ResultRemoved, Reason::None),
        ];
        assert_eq!(actions(&of_ausf), expected, "{link:?}");
        let [vector, challenged, released] = [&of_udm[0], &of_ausf[0], &of_ausf[1]];
        assert_eq!(vector.key_name().map(|(name, _)| name), Some("K_AUSF"));
        assert_eq!(challenged.key_name(), None, "no key is in a challenge");
        assert_eq!(released.key_name(), Some(("K_SEAF", Fingerprint::of(&k_seaf).octets())));
        let run = u64::from_be_bytes(rand.octets()[..8].try_into().unwrap());
        for event in [vector, challenged, released] {
            assert_eq!(event.correlation(), run);
            assert_eq!(event.subject().masked(), supi(0).masked().to_string());
        }
        assert_eq!(names.name(released.peer()), Some("127.0.0.1"));
        assert_eq!(names_of_udm.name(vector.peer()), Some("127.0.0.1"));
    }
}

#[tokio::test]
async fn refusals_are_counted_by_their_reason() {
    for link in LINKS {
        let place = Place::new();
        let home = home(&place, link);
        let seaf = home.seaf();
        let nobody = "imsi-001019999999999".parse::<kaskade_keys::Supi>().unwrap();
        for _ in 0..3 {
            assert!(seaf.authenticate(nobody.clone(), snn()).await.is_err());
        }
        let elsewhere = "5G:mnc999.mcc999.3gppnetwork.org".parse().unwrap();
        assert!(seaf.authenticate(supi(0), elsewhere).await.is_err());
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let wrong = ResStar::from_octets(&[9; 16]);
        let told = seaf.confirm(&challenge.confirmation, Some(&wrong)).await.unwrap();
        assert!(told.is_none());
        assert!(
            seaf.confirm(&challenge.confirmation, Some(&wrong)).await.is_err(),
            "spent"
        );
        let stage = AwaitingResponse::new(challenge.se_av);
        let resynchronisation = stage.synchronisation_failure(Auts::from_octets([0xFF; 14]));
        assert!(seaf.resynchronise(supi(0), snn(), resynchronisation).await.is_err());
        drop(seaf);
        home.shutdown().await;
        let refused = |name: &str| {
            let (events, _) = place.read(name);
            let refused = events.into_iter().filter(|event| event.outcome() == Outcome::Refused);
            refused
                .map(|event| (event.action(), event.reason(), event.count()))
                .collect::<BTreeSet<_>>()
        };
        let (vector, challenge) = (Action::VectorGiven, Action::ChallengeGiven);
        let mut of_udm = BTreeSet::from([
            (vector, Reason::Refused(Refusal::UserNotFound), 3),
            (vector, Reason::Refused(Refusal::AutsRejected), 1),
        ]);
        let mut of_ausf = BTreeSet::from([
            (challenge, Reason::Refused(Refusal::ServingNetworkNotAuthorized), 1),
            (Action::KeyReleased, Reason::Refused(Refusal::AuthenticationRejected), 1),
            (Action::KeyReleased, Reason::Refused(Refusal::ContextNotFound), 1),
        ]);
        if link == Link::Http {
            // Each says what it refused itself; a failure that is reported is counted.
            of_udm.insert((
                Action::ResultReported,
                Reason::Refused(Refusal::AuthenticationRejected),
                1,
            ));
            of_ausf.insert((challenge, Reason::Refused(Refusal::UserNotFound), 3));
            of_ausf.insert((challenge, Reason::Refused(Refusal::AuthenticationRejected), 1));
        }
        assert_eq!(refused("udm"), of_udm, "{link:?}");
        let (events, _) = place.read("udm");
        for event in events.iter().filter(|event| event.outcome() == Outcome::Refused) {
            let about = event.subject().masked();
            assert!(!about.is_empty(), "{link:?}: whom {event:?} is about is known");
        }
        assert_eq!(refused("ausf"), of_ausf, "{link:?}");
    }
}

/// Whoever resets the stream of an AUTS while the disk is waited for has moved SQN, and that is on record.
#[tokio::test]
async fn a_resynchronisation_that_is_cancelled_is_on_record() {
    for _ in 0..100 {
        if a_resynchronisation_is_cancelled().await {
            return;
        }
    }
    panic!("the disk was faster each time");
}

/// Whether it was, and did not end before.
async fn a_resynchronisation_is_cancelled() -> bool {
    let place = Place::new();
    let home = home(&place, Link::Local);
    let challenge = home.seaf().authenticate(supi(0), snn()).await.unwrap();
    let stage = AwaitingResponse::new(challenge.se_av);
    let reject = ue_ahead(0).challenge(stage.rand(), stage.autn(), &snn(), &Abba::INITIAL);
    let Err(UeReject::SynchronisationFailure(auts)) = reject else {
        panic!("a card that is in step");
    };
    let (ausf, amf) = (
        home.ausf().ausf().unwrap().clone(),
        Caller::new(Requester::group("amf")),
    );
    let info = |auts| AuthenticationInfo {
        supi_or_suci: SupiOrSuci::Supi(supi(0)),
        serving_network_name: snn(),
        resynchronization_info: Some(ResynchronizationInfo {
            rand: *stage.rand(),
            auts,
        }),
    };
    let was_cancelled = is_cancelled(ausf.authenticate(&amf, info(auts))).await;
    // The same AUTS waits for the one before it, changes nothing, and is counted where it is a replay.
    let _ = ausf.authenticate(&amf, info(auts)).await;
    drop(ausf);
    home.shutdown().await;
    let (events, _) = place.read("udm");
    let moved: Vec<_> = events
        .iter()
        .filter(|event| event.outcome() == Outcome::Changed)
        .map(|event| (event.action(), event.reason()))
        .collect();
    assert_eq!(moved, [(Action::Resynchronised, Reason::Raised)]);
    was_cancelled
}

/// Without room for its record there is no vector, no challenge, and no context.
#[tokio::test]
async fn nothing_is_given_out_without_room_for_its_record() {
    for (full, link) in [
        ("udm", Link::Local),
        ("ausf", Link::Local),
        ("udm", Link::Http),
        ("ausf", Link::Http),
    ] {
        let place = Place::new();
        let log = place.open("full", |options| options.waiting = 0);
        assert!(
            log.admits().is_err() && log.figures().room == 0,
            "whoever asks beforehand hears it"
        );
        assert!(AuditLog::off().admits().is_ok());
        let elsewhere = Place::new();
        let goes_on = elsewhere.open("goes on", |options| {
            options.waiting = 0;
            options.when_full = WhenFull::GoOn;
        });
        assert!(goes_on.admits().is_ok(), "it is given out all the same");
        let home = Home::start_with(link, |setup| match full {
            "udm" => setup.udm.audit = log,
            _ => setup.ausf.audit = log,
        });
        let refused = home.seaf().authenticate(supi(0), snn()).await;
        let Err(AusfClientError::Refused(refusal)) = refused else {
            panic!("{full}: it was given out");
        };
        let cause = match full {
            "udm" => Cause::AvGenerationProblem,
            _ => Cause::InsufficientResources,
        };
        assert_eq!((refusal.status.as_u16(), refusal.cause), (500, Some(cause)), "{full}");
        assert_eq!(home.ausf().ausf().unwrap().pending(), 0);
        let vectors = home.udm.udm().unwrap().counters().vectors.load(Ordering::Relaxed);
        assert_eq!(vectors, u64::from(full == "ausf"));
    }
}

/// K_SEAF stays in when the log has filled up since the challenge; the result can be taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_k_seaf_leaves_without_room_for_its_record() {
    let place = Place::new();
    let log = place.open("ausf", |options| options.waiting = 4);
    let filled = log.clone();
    let home = Home::start_with(Link::Local, |setup| setup.ausf.audit = log);
    let (ausf, amf) = (
        home.ausf().ausf().unwrap().clone(),
        Caller::new(Requester::group("amf")),
    );
    let (fills, full, over) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
    let fill = || {
        while !over.load(Ordering::Acquire) {
            if fills.load(Ordering::Acquire) {
                let event = Event::new(Outcome::Noted, Action::Other, filled.now());
                full.store(filled.record(event).is_err(), Ordering::Release);
            } else {
                std::thread::yield_now();
            }
        }
    };
    let told = std::thread::scope(|scope| {
        scope.spawn(fill);
        let runtime = tokio::runtime::Handle::current();
        let told = tokio::task::block_in_place(|| {
            runtime.block_on(async {
                for told in 0..20 {
                    // As soon as there is room again.
                    let (id, res_star) = begun(&ausf, &amf).await;
                    fills.store(true, Ordering::Release);
                    while !full.load(Ordering::Acquire) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    let outcome = ausf.confirm(&amf, id, Some(&res_star)).await;
                    fills.store(false, Ordering::Release);
                    full.store(false, Ordering::Release);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    match outcome {
                        Err(AusfError::Audit(_)) => {
                            let again = ausf.confirm(&amf, id, Some(&res_star)).await;
                            assert!(matches!(again, Err(AusfError::UnknownContext)), "{again:?}");
                            ausf.delete(&amf, id).await.unwrap();
                            return Some(told);
                        }
                        // The writer was faster.
                        outcome => assert!(matches!(outcome, Ok(ausf::Outcome::Authenticated(_))), "{outcome:?}"),
                    }
                }
                None
            })
        });
        over.store(true, Ordering::Release);
        told
    });
    let counted = ausf.counters().successes.load(Ordering::Relaxed);
    assert_eq!(
        Some(counted),
        told.map(|told| told as u64),
        "what was not told is no success"
    );
    drop(ausf);
    home.shutdown().await;
    drop(filled);
    let (events, _) = place.read("ausf");
    let released = events
        .iter()
        .filter(|event| event.action() == Action::KeyReleased && event.outcome() == Outcome::Released);
    assert_eq!(
        Some(released.count()),
        told,
        "a full log is met, and what was told before is on record"
    );
}
