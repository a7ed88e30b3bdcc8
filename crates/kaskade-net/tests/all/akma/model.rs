//! Any order of what can happen to AKMA keys, restarts among it, against a model that says who has which key.

use std::collections::BTreeMap;

use kaskade_net::role::aanf::Aanf;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::common::subscribers;

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// An authentication of this number registers its K_AKMA.
    Register {
        of: u64,
        run: u8,
    },
    /// Somebody asks below the K_AKMA of an authentication; `tell` says whether it wants to hear of the end.
    Get {
        of: u64,
        run: u8,
        function: usize,
        tell: bool,
    },
    Remove {
        of: u64,
    },
    Disable {
        of: u64,
    },
    Revoke {
        of: u64,
        function: usize,
    },
    Restart,
}

const FUNCTIONS: [(&str, u8, &str); 3] = [
    ("portal", PORTAL, PORTAL_ID),
    ("portal", PORTAL, "af.example.com01000100a8"),
    ("other", OTHER, OTHER_ID),
];

fn step() -> impl Strategy<Value = Step> {
    let (of, run, function) = (0..2_u64, 1..4_u8, 0..FUNCTIONS.len());
    prop_oneof![
        3 => (of.clone(), run.clone()).prop_map(|(of, run)| Step::Register { of, run }),
        8 => (of.clone(), run, function.clone(), any::<bool>())
            .prop_map(|(of, run, function, tell)| Step::Get { of, run, function, tell }),
        1 => of.clone().prop_map(|of| Step::Remove { of }),
        1 => of.clone().prop_map(|of| Step::Disable { of }),
        1 => (of, function).prop_map(|(of, function)| Step::Revoke { of, function }),
        1 => Just(Step::Restart),
    ]
}

/// What there is of one subscriber, as the model has it.
#[derive(Clone, Debug, Default)]
struct Known {
    current: Option<u8>,
    /// Ends of the keys that were given below the current K_AKMA, by function; `None` for one that was revoked.
    ends: BTreeMap<usize, Option<String>>,
}

fn aanf(kept: &Kept) -> Aanf {
    let options = AanfOptions {
        policy: policy(usual(), Some("http://127.0.0.1:1")),
        ..AanfOptions::default()
    };
    Aanf::new(opened(kept), true, options).unwrap()
}

fn caller(name: &str) -> Caller {
    Caller::new(Requester::group(name))
}

async fn play(on: On, steps: &[Step]) {
    let mut kept = Kept::new(on);
    let made = opened(&kept);
    for mut subscriber in subscribers() {
        subscriber.subscription.akma_allowed = true;
        made.put_many([&subscriber]).unwrap();
    }
    drop(made);
    let mut aanf = aanf(&kept);
    let mut known: BTreeMap<u64, Known> = BTreeMap::new();
    // Every K_AF that was ever told, and to whom.
    let mut keys: BTreeMap<[u8; 32], (u64, u8, usize)> = BTreeMap::new();
    for step in steps {
        match *step {
            Step::Register { of, run } => {
                drop(aanf.register(&caller("ausf"), info(of, run)).await.unwrap());
                let known = known.entry(of).or_default();
                if known.current != Some(run) {
                    *known = Known {
                        current: Some(run),
                        ends: BTreeMap::new(),
                    };
                }
            }
            Step::Get {
                of,
                run,
                function,
                tell,
            } => {
                let (name, _, id) = FUNCTIONS[function];
                let asked = match tell {
                    true => told_at(request(of, run, id), "http://127.0.0.1:1/off"),
                    false => request(of, run, id),
                };
                let told = aanf.application_key(&caller(name), asked).await.unwrap();
                let known = known.entry(of).or_default();
                // Of what one caller asks for the name is one.
                let mut own = known.ends.iter().filter(|(other, _)| FUNCTIONS[**other].0 == name);
                let is_over = own.any(|(_, end)| end.is_none());
                assert_eq!(
                    told.is_some(),
                    known.current == Some(run) && !is_over,
                    "{step:?} {known:?}"
                );
                let Some(told) = told else { continue };
                let told = told.release_to_peer();
                assert_eq!(told.supi, Some(supi(of)));
                assert_eq!(told.k_af, k_ausf(run).k_akma(&supi(of)).k_af(&id.parse().unwrap()));
                let holder = keys.insert(*told.k_af.expose_to_af(), (of, run, function));
                assert!(
                    holder.is_none_or(|holder| holder == (of, run, function)),
                    "two have one key"
                );
                let end = told.expiry.to_string();
                let first = known.ends.entry(function).or_insert_with(|| Some(end.clone()));
                assert_eq!(first.as_ref(), Some(&end), "its end does not move");
            }
            Step::Remove { of } => {
                aanf.remove(&caller("ausf"), &supi(of)).await.unwrap();
                known.remove(&of);
            }
            Step::Disable { of } => {
                aanf.disable(&caller("operator"), &supi(of)).await.unwrap();
                known.remove(&of);
            }
            Step::Revoke { of, function } => {
                let id = FUNCTIONS[function].2.parse().unwrap();
                aanf.revoke(&caller("operator"), &supi(of), |holder| holder.af_id == id)
                    .await
                    .unwrap();
                if let Some(end) = known.get_mut(&of).and_then(|known| known.ends.get_mut(&function)) {
                    *end = None;
                }
            }
            Step::Restart => {
                // What is durable, and nothing else.
                drop(aanf);
                kept = kept.copy();
                aanf = self::aanf(&kept);
            }
        }
    }
}

fn no_order_gives_a_key_that_is_over_or_another_ones(on: On) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // A server takes its time.
    let cases = match on {
        On::Embedded => 48,
        On::Postgres => 8,
    };
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let steps = proptest::collection::vec(step(), 1..24);
    runner
        .run(&steps, |steps| {
            runtime.block_on(play(on, &steps));
            Ok(())
        })
        .unwrap();
}

kaskade_testkit::over_each_engine!(no_order_gives_a_key_that_is_over_or_another_ones);
