//! AKMA keys of a subscriber, without a store: which keys there are for whom, and until when.

use core::time::Duration;

use kaskade_anchor::akma::Party;
use kaskade_anchor::akma::{
    Admitted, AfHolder, AfHolderId, AkmaContext, AkmaError, Disablement, Functions, Got, HolderLimits, Holding,
    Identity, NotAdmitted, ProtocolRule, Registration, ReleasedAf, Rule, State, SubscriberRule,
};
use kaskade_crypto::seal::{RecordPlace, RootKey, SecretReader, SecretWriter};
use kaskade_flow::event::{Action, Outcome, PeerId};
use kaskade_flow::record::{Expect, Record, RowError, Version};
use kaskade_flow::unit::{Parts, Unit};
use kaskade_flow::{Cover, Guarded, UnixMillis};
use kaskade_keys::akma::KAkma;
use kaskade_keys::id::AfId;
use kaskade_keys::{AKid, HomeRealm};

use crate::common::{AT, about, k_ausf, supi};

const MINUTE: Duration = Duration::from_secs(60);

/// What was written as a secret, read as the store lets it be read: sealed and opened.
fn opened<T>(secret: &SecretWriter, read: impl FnOnce(SecretReader<'_>) -> T) -> T {
    let (data_key, _) = RootKey::from_octets(&[1; 32]).create_data_key(&[2; 32], &[3; 12]);
    let place = RecordPlace {
        kind: 1,
        expires: 0,
        key: b"",
    };
    let row = data_key.seal_record(&[6; 12], &place, 1, b"", secret);
    read(data_key.open_record(&place, &row).unwrap().secrets.reader())
}

fn decoded<R: Record>(clear: &[u8], secret: &SecretWriter) -> Result<R, RowError> {
    opened(secret, |secret| R::decode(1, clear, secret))
}

fn party(at: UnixMillis) -> Party {
    Party {
        by: PeerId::of("test"),
        about: about(),
        correlation: 7,
        at,
    }
}

/// What an authentication of this number leaves.
fn registration(run: u8) -> Registration {
    let k_ausf = kaskade_keys::fivegs::KAusf::from_octets(&[run; 32]);
    Registration {
        a_kid: AKid::new(
            "1".parse().unwrap(),
            &k_ausf.a_tid(&supi()),
            HomeRealm::new("001-01".parse().unwrap(), None),
        ),
        k_akma: k_ausf.k_akma(&supi()),
        serving: None,
    }
}

fn functions(renews: bool) -> Functions {
    let mut functions = Functions::new();
    for (fqdn, caller) in [
        ("af.example.com", "portal"),
        ("b.example.com", "other"),
        ("c.example.com", "other"),
    ] {
        let rule = Rule {
            fqdn: fqdn.parse().unwrap(),
            protocols: vec![ProtocolRule::Tls, "http-digest".parse().unwrap()],
            callers: vec![caller.into()],
            identity: Identity::Supi,
            subscribers: vec![SubscriberRule::All],
            lifetime: MINUTE,
            renews,
        };
        functions.add(rule).unwrap();
    }
    functions
}

fn admitted(functions: &Functions, caller: &str, af_id: &str) -> Admitted {
    functions.admit(&[caller.into()], &af_id.parse().unwrap()).unwrap()
}

fn portal() -> Admitted {
    admitted(&functions(false), "portal", "af.example.com0100000002")
}

/// What a store would have after a unit: of this subscriber alone, each record with the number of its commit.
#[derive(Clone, Default)]
struct Kept {
    context: Option<(AkmaContext, Version)>,
    holders: Vec<Holding>,
    commits: u64,
    sent: Vec<Disablement>,
    actions: Vec<(Outcome, Action, u32)>,
}

impl Kept {
    fn state(&self) -> State {
        State::new(supi(), self.context.clone(), self.holders.clone())
    }

    /// As a store does: all of it, or nothing where something is not as expected.
    fn commit(&mut self, unit: Unit) -> bool {
        let Parts {
            changes,
            messages,
            events,
        } = unit.into_parts().unwrap();
        let version_of = |kept: &Self, kind: u16, key: &[u8]| {
            let context = kept
                .context
                .iter()
                .map(|(_, version)| (AkmaContext::KIND.number, Vec::new(), *version));
            let holders = kept.holders.iter();
            let holders = holders.map(|one| (AfHolder::KIND.number, one.id.octets().to_vec(), one.version));
            let mut all = context.chain(holders);
            all.find(|(other, id, _)| *other == kind && key.ends_with(id))
                .map(|(_, _, version)| version)
        };
        for change in &changes {
            let there = version_of(self, change.kind.number, &change.key);
            let is_so = match change.expect {
                Expect::Any => true,
                Expect::Absent => there.is_none(),
                Expect::Version(version) => there == Some(version),
            };
            if !is_so {
                return false;
            }
        }
        self.commits += 1;
        let version = Version(self.commits);
        for change in changes {
            if change.kind == AkmaContext::KIND {
                let read = |value: kaskade_flow::unit::Encoded| {
                    let context = decoded::<AkmaContext>(&value.clear, &value.secret).unwrap();
                    assert_eq!(value.expires, context.until.map_or(0, UnixMillis::get));
                    (context, version)
                };
                self.context = change.value.map(read);
                continue;
            }
            let id: [u8; 16] = change.key[change.key.len() - 16..].try_into().unwrap();
            let id = AfHolderId::from_octets(id);
            self.holders.retain(|one| one.id != id);
            if let Some(value) = change.value {
                let holder = decoded::<AfHolder>(&value.clear, &value.secret).unwrap();
                assert_eq!(id, AfHolderId::of(&holder.a_kid, &holder.af_id, &holder.consumer));
                self.holders.push(Holding {
                    id,
                    holder,
                    version,
                    cover: Cover::known_to_store(),
                });
            }
        }
        let read = |message: kaskade_flow::unit::Outgoing| opened(&message.body, Disablement::read).unwrap();
        self.sent.extend(messages.into_iter().map(read));
        let told = |event: kaskade_flow::event::Event| (event.outcome(), event.action(), event.count());
        self.actions.extend(events.into_iter().map(told));
        true
    }

    fn register(&mut self, run: u8, at: UnixMillis) {
        let (unit, _) = self.state().register(registration(run), None, &party(at));
        assert!(self.commit(unit));
    }

    fn get(&mut self, run: u8, admitted: &Admitted, told_at: Option<&str>, at: UnixMillis) -> Given {
        let callback = told_at.map(|uri| uri.parse().unwrap());
        let limits = HolderLimits {
            all: 6,
            of_one: 3,
            of_function: 2,
        };
        let a_kid = registration(run).a_kid;
        match self.state().get(&a_kid, admitted, callback, limits, &party(at))? {
            Got::Again { key, event, .. } => {
                self.actions.push((event.outcome(), event.action(), event.count()));
                Ok((false, told(key)))
            }
            Got::First { unit, key, .. } => {
                assert!(self.commit(unit));
                Ok((true, told(key)))
            }
        }
    }
}

type Given = Result<(bool, ReleasedAf), AkmaError>;

fn told(key: Guarded<ReleasedAf>) -> ReleasedAf {
    key.made_durable().release_to_peer()
}

fn after(seconds: u64) -> UnixMillis {
    AT.after(Duration::from_secs(seconds))
}

#[test]
fn a_first_application_key_comes_with_its_record_and_keeps_its_end() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    let (first, key) = kept.get(1, &portal(), None, after(1)).unwrap();
    let af_id: AfId = "af.example.com0100000002".parse().unwrap();
    assert!(first && key.k_af == registration(1).k_akma.k_af(&af_id));
    assert_eq!(key.expires, after(61));
    assert_eq!(kept.holders.len(), 1);
    let commits = kept.commits;
    let (first, again) = kept.get(1, &portal(), None, after(30)).unwrap();
    assert!(!first && again.k_af == key.k_af);
    assert_eq!(
        (again.expires, kept.commits),
        (key.expires, commits),
        "nothing is written"
    );
    // Where it is told is written, and changes no end.
    let (first, again) = kept
        .get(1, &portal(), Some("https://af.example.com/x"), after(40))
        .unwrap();
    assert!(first);
    assert_eq!(again.expires, key.expires);
    let releases = kept
        .actions
        .iter()
        .filter(|(outcome, ..)| *outcome == Outcome::Released);
    assert!(
        releases
            .clone()
            .all(|(_, action, _)| *action == Action::ApplicationKeyGiven)
    );
    assert_eq!(releases.count(), 3, "each is on record");
}

#[test]
fn an_application_key_that_is_over_is_not_given_another_life() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    kept.get(1, &portal(), None, AT).unwrap();
    assert_eq!(kept.get(1, &portal(), None, after(60)).map(drop), Err(AkmaError::Over));
    let renews = admitted(&functions(true), "portal", "af.example.com0100000002");
    let (_, key) = kept.get(1, &renews, None, after(60)).unwrap();
    assert_eq!(key.expires, after(120), "unless the configuration says so");
    // The next authentication brings another key.
    kept.register(2, after(70));
    let (first, other) = kept.get(2, &portal(), None, after(71)).unwrap();
    assert!(first && other.k_af != key.k_af);
    assert_eq!(other.expires, after(131));
}

#[test]
fn an_a_kid_of_before_names_nothing() {
    let mut kept = Kept::default();
    assert_eq!(kept.get(1, &portal(), None, AT).map(drop), Err(AkmaError::Unknown));
    kept.register(1, AT);
    kept.get(1, &portal(), Some("https://af.example.com/x"), AT).unwrap();
    kept.register(2, after(1));
    assert_eq!(
        kept.get(1, &portal(), None, after(2)).map(drop),
        Err(AkmaError::Unknown)
    );
    // Who has a key of before has it until it expires, and is told if it is over earlier.
    let (_, key) = kept
        .get(2, &portal(), Some("https://af.example.com/x"), after(30))
        .unwrap();
    assert_eq!(key.expires, after(90));
    assert_eq!(kept.holders.len(), 2);
    assert_eq!(kept.holders[0].holder.kept_until, Some(after(60)));
    let unit = kept.state().disable(&party(after(31)));
    assert!(kept.commit(unit));
    let told: Vec<_> = kept.sent.iter().map(|sent| sent.holder.a_kid.clone()).collect();
    assert_eq!(told, [registration(1).a_kid, registration(2).a_kid]);
    assert!(kept.context.is_none() && kept.holders.is_empty());
    assert!(kept.state().disable(&party(after(32))).is_empty());
}

#[test]
fn who_does_not_want_to_hear_of_the_end_is_forgotten_with_the_anchor_key() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    kept.get(1, &portal(), None, AT).unwrap();
    kept.register(1, after(1));
    assert_eq!(kept.holders.len(), 1, "of the same K_AKMA it stays");
    kept.register(2, after(1));
    assert!(kept.holders.is_empty());
}

#[test]
fn functions_and_protocols_have_keys_of_their_own() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    let functions = functions(false);
    let mut keys = Vec::new();
    for (caller, af_id) in [
        ("portal", "af.example.com0100000002"),
        ("portal", "af.example.com01000113aa"),
        ("other", "b.example.com0100000002"),
    ] {
        let (_, key) = kept.get(1, &admitted(&functions, caller, af_id), None, AT).unwrap();
        assert!(keys.iter().all(|other| *other != key.k_af), "{af_id}");
        keys.push(key.k_af);
    }
}

#[test]
fn one_caller_does_not_take_all_places_of_an_anchor_key() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    let functions = functions(false);
    for af_id in [
        "b.example.com0100010001",
        "b.example.com0100010002",
        "c.example.com0100010001",
    ] {
        kept.get(1, &admitted(&functions, "other", af_id), None, AT).unwrap();
    }
    let fourth = admitted(&functions, "other", "c.example.com0100010002");
    assert_eq!(
        kept.get(1, &fourth, None, AT).map(drop),
        Err(AkmaError::TooManyOfOne(3))
    );
    for suite in 0..2 {
        let own = format!("af.example.com010001{suite:04x}");
        kept.get(1, &admitted(&functions, "portal", &own), None, AT).unwrap();
    }
    // Whoever has one has it again.
    let first = admitted(&functions, "other", "b.example.com0100010001");
    kept.get(1, &first, None, AT).unwrap();
}

#[test]
fn one_function_does_not_take_the_places_of_others_of_its_caller() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    let functions = functions(false);
    let ask = |kept: &mut Kept, af_id: &str| {
        let got = kept.get(1, &admitted(&functions, "other", af_id), None, AT);
        got.map(|(first, _)| first)
    };
    assert_eq!(ask(&mut kept, "b.example.com0100010001"), Ok(true));
    assert_eq!(ask(&mut kept, "B.example.com0100010001"), Ok(true));
    for spelling in ["b.EXAMPLE.com0100010001", "b.example.com0100000002"] {
        assert_eq!(ask(&mut kept, spelling), Err(AkmaError::TooManyOfFunction(2)));
    }
    assert_eq!(ask(&mut kept, "c.example.com0100010001"), Ok(true));
}

#[test]
fn keys_of_earlier_authentications_take_no_places() {
    let mut kept = Kept::default();
    for run in 1..=6 {
        kept.register(run, AT);
        for suite in 0..2 {
            let own = format!("af.example.com010001{suite:04x}");
            let own = admitted(&functions(false), "portal", &own);
            kept.get(run, &own, Some("https://af.example.com/x"), AT).unwrap();
        }
    }
    assert_eq!(kept.holders.len(), 12, "each is told if it is to be used no more");
    let unit = kept.state().disable(&party(AT));
    assert!(kept.commit(unit));
    assert_eq!(kept.sent.len(), 12);
}

#[test]
fn of_too_many_earlier_holders_those_that_expire_first_are_told() {
    let mut kept = Kept::default();
    let functions = functions(false);
    let uri = Some("https://af.example.com/x");
    kept.register(0, AT);
    let other = admitted(&functions, "other", "b.example.com0100000002");
    kept.get(0, &other, uri, AT).unwrap();
    for run in 1..=130 {
        kept.register(run, after(1));
        for suite in 0..2 {
            let own = format!("af.example.com010001{suite:04x}");
            let own = admitted(&functions, "portal", &own);
            kept.get(run, &own, uri, after(1 + u64::from(run) / 10)).unwrap();
        }
    }
    // 1 and 258 of earlier ones, and then 2 that are current.
    let told: Vec<_> = kept.sent.iter().map(|sent| &sent.holder).collect();
    assert!(told.iter().all(|holder| holder.consumer == "portal"), "{told:?}");
    assert!(told.iter().all(|holder| holder.expires == after(61)), "{told:?}");
    assert_eq!((told.len(), kept.holders.len()), (3, 256 + 2));
}

#[test]
fn a_unit_happens_below_the_anchor_key_that_it_was_made_of() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    let before = kept.state();
    let got = before.get(
        &registration(1).a_kid,
        &portal(),
        None,
        HolderLimits::default(),
        &party(AT),
    );
    let Ok(Got::First { unit, .. }) = got else {
        panic!("{got:?}")
    };
    let removed = kept.state().remove(&party(AT));
    assert!(kept.commit(removed));
    assert!(
        !kept.commit(unit),
        "nobody is given a key below an anchor key that is gone"
    );
    assert!(kept.holders.is_empty() && kept.context.is_none());
    // And the other way round: whoever has got a key in the meantime is not overlooked.
    kept.register(2, AT);
    let stale = kept.state().disable(&party(AT));
    kept.get(2, &portal(), Some("https://af.example.com/x"), AT).unwrap();
    assert!(!kept.commit(stale));
    let unit = kept.state().disable(&party(AT));
    assert!(kept.commit(unit));
    assert_eq!(kept.sent.len(), 1);
}

#[test]
fn a_removed_anchor_key_leaves_the_keys_that_were_given() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    kept.get(1, &portal(), Some("https://af.example.com/x"), AT).unwrap();
    let unit = kept.state().remove(&party(after(1)));
    assert!(kept.commit(unit));
    assert!(kept.context.is_none() && kept.sent.is_empty());
    assert_eq!(kept.holders[0].holder.kept_until, Some(after(60)));
    assert_eq!(
        kept.get(1, &portal(), None, after(2)).map(drop),
        Err(AkmaError::Unknown)
    );
    assert!(kept.state().remove(&party(after(2))).is_empty());
    let unit = kept.state().disable(&party(after(3)));
    assert!(kept.commit(unit));
    assert_eq!(kept.sent.len(), 1, "until they expire they can be ended");
}

#[test]
fn a_revoked_key_is_told_of_and_not_given_again() {
    let mut kept = Kept::default();
    kept.register(1, AT);
    let functions = functions(false);
    let other = admitted(&functions, "other", "b.example.com0100000002");
    kept.get(1, &portal(), Some("https://af.example.com/x"), AT).unwrap();
    kept.get(1, &other, Some("https://b.example.com/x"), AT).unwrap();
    let unit = kept
        .state()
        .revoke(|holder| holder.consumer == "portal", &party(after(1)));
    assert!(kept.commit(unit));
    assert_eq!(kept.sent.len(), 1);
    assert_eq!(kept.sent[0].holder.consumer, "portal");
    assert_eq!(kept.actions.last(), Some(&(Outcome::Changed, Action::AkmaDisabled, 1)));
    assert_eq!(kept.get(1, &portal(), None, after(2)).map(drop), Err(AkmaError::Over));
    kept.get(1, &other, None, after(2)).unwrap();
    assert!(
        kept.state()
            .revoke(|holder| holder.consumer == "portal", &party(after(2)))
            .is_empty()
    );
}

#[test]
fn a_revoked_function_has_no_key_by_any_spelling_or_renewal() {
    for renews in [false, true] {
        // While the key lives, and when it is over.
        for at in [after(1), after(61)] {
            let mut kept = Kept::default();
            kept.register(1, AT);
            let functions = functions(renews);
            let ask = |kept: &mut Kept, caller: &str, af_id: &str| {
                let got = kept.get(1, &admitted(&functions, caller, af_id), None, at);
                got.map(|(first, _)| first)
            };
            let own = admitted(&functions, "portal", "af.example.com0100000002");
            kept.get(1, &own, None, AT).unwrap();
            let unit = kept.state().revoke(|holder| holder.consumer == "portal", &party(at));
            assert!(!unit.is_empty() && kept.commit(unit));
            for af_id in [
                "af.example.com0100000002",
                "AF.example.com0100000002",
                "af.example.com0100010001",
            ] {
                assert_eq!(ask(&mut kept, "portal", af_id), Err(AkmaError::Over), "{af_id}");
            }
            assert_eq!(ask(&mut kept, "other", "b.example.com0100000002"), Ok(true));
            // The anchor key registered once more is the same one; another one is not.
            kept.register(1, at);
            assert_eq!(
                ask(&mut kept, "portal", "af.example.com0100000002"),
                Err(AkmaError::Over)
            );
            kept.register(2, at);
            kept.get(2, &own, None, at).unwrap();
        }
    }
}

#[test]
fn an_anchor_key_lives_as_long_as_the_configuration_says() {
    let mut kept = Kept::default();
    let (unit, _) = kept.state().register(registration(1), Some(MINUTE), &party(AT));
    assert!(kept.commit(unit));
    let (_, key) = kept.get(1, &portal(), None, after(59)).unwrap();
    assert_eq!(key.expires, after(119), "a key may outlive it");
    assert_eq!(
        kept.get(1, &portal(), None, after(60)).map(drop),
        Err(AkmaError::Unknown)
    );
}

#[test]
fn who_may_ask_in_whose_name_of_whom() {
    let mut functions = Functions::new();
    functions
        .add(Rule {
            fqdn: "af.example.com".parse().unwrap(),
            protocols: vec![ProtocolRule::Tls],
            callers: vec!["portal".into()],
            identity: Identity::Gpsi,
            subscribers: vec!["imsi-00102*".parse().unwrap()],
            lifetime: MINUTE,
            renews: false,
        })
        .unwrap();
    let admit = |caller: &str, af_id: &str| functions.admit(&[caller.into()], &af_id.parse().unwrap());
    assert_eq!(
        admit("other", "af.example.com01000113aa"),
        Err(NotAdmitted::FunctionNotOwned)
    );
    let digest = admit("portal", "af.example.com0100000002");
    assert!(matches!(digest, Err(NotAdmitted::ProtocolNotAllowed(_))));
    let admitted = admit("portal", "af.example.com01000113aa").unwrap();
    assert_eq!(admitted.of(&supi()), Err(NotAdmitted::SubscriberNotAllowed));
    assert_eq!(admitted.of(&"imsi-001020000000001".parse().unwrap()), Ok(()));
}

#[test]
fn records_read_back_and_garbage_does_not() {
    let Registration { a_kid, k_akma, .. } = registration(1);
    assert_eq!(
        k_akma,
        kaskade_keys::fivegs::KAusf::from_octets(&[1; 32]).k_akma(&supi())
    );
    let mut kept = Kept::default();
    let served = Registration {
        serving: Some("262-01".parse().unwrap()),
        ..registration(1)
    };
    let (unit, _) = kept.state().register(served, Some(MINUTE), &party(AT));
    assert!(kept.commit(unit));
    let (context, _) = kept.context.clone().unwrap();
    assert_eq!((context.a_kid.clone(), context.until), (a_kid.clone(), Some(after(60))));
    assert_eq!(context.serving, Some("262-01".parse().unwrap()));
    assert!(!format!("{context:?}").contains("[1, 1"), "silent");
    let (mut clear, mut secret) = (Vec::new(), SecretWriter::new());
    context.encode(&mut clear, &mut secret);
    for cut in 0..clear.len() {
        assert!(decoded::<AkmaContext>(&clear[..cut], &secret).is_err(), "{cut}");
    }
    assert!(decoded::<AkmaContext>(&clear, &SecretWriter::new()).is_err(), "no key");
    let holder = AfHolder {
        a_kid,
        af_id: "af.example.com01000100a8".parse().unwrap(),
        consumer: "portal".into(),
        expires: AT,
        kept_until: None,
        callback: Some("https://af.example.com/off".parse().unwrap()),
    };
    let mut clear = Vec::new();
    holder.encode(&mut clear, &mut SecretWriter::new());
    assert_eq!(decoded::<AfHolder>(&clear, &SecretWriter::new()), Ok(holder));
    for cut in 0..clear.len() {
        assert!(
            decoded::<AfHolder>(&clear[..cut], &SecretWriter::new()).is_err(),
            "{cut}"
        );
    }
    let _: &KAkma = &k_ausf().k_akma(&supi());
}
