//! The outbox: nothing is lost, and nothing overtakes.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use kaskade_crypto::seal::SecretWriter;
use kaskade_flow::Unit;
use kaskade_flow::record::Expect;
use kaskade_flow::unit::{Lane, Outgoing};
use kaskade_store::engine::{Conflict, Table, Value};
use kaskade_store::records::{CommitError, Delivery, RecordError, Taken};

use super::kinds::{Badge, Session};
use super::{Tried, at, supi};
use crate::conformance::Place;

const LANE: Lane = Lane {
    number: 900,
    name: "lane of a test",
    version: 1,
    capacity: 8,
};
const OTHER: Lane = Lane {
    number: 901,
    name: "other lane of a test",
    ..LANE
};

pub(super) fn run(place: &impl Fn() -> Place) {
    messages_come_with_their_unit(&place());
    order_is_kept_and_others_go_on(&place());
    the_newest_takes_the_place_of_those_before(&place());
    what_is_worth_nothing_any_more_is_dropped(&place());
    a_full_lane_refuses(&place());
    what_is_not_done_comes_again(&place());
    what_waits_is_told(&place());
    what_waits_behind_one_that_ends_is_told(&place());
    an_unreadable_message_is_named_and_left(&place());
    lanes_are_not_mixed_up(&place());
}

/// Who gives a lane the number of another neither sends into that one nor gets what waits there.
fn lanes_are_not_mixed_up(open: &Place) {
    let tried = Tried::new(open);
    tried.sent([Tried::message("order", "for one")]);
    let other = Lane {
        name: "a lane of somebody else",
        ..LANE
    };
    let taken = pollster::block_on(tried.records.outbox().take(&other));
    assert!(
        matches!(&taken, Err(RecordError::OtherLane(asked, known)) if (*asked, *known) == (other.name, LANE.name)),
        "{taken:?}"
    );
    let mut unit = Unit::new();
    unit.put(&(supi(1), 1), &Session::of(1), Expect::Any);
    let mut body = SecretWriter::new();
    body.octets(b"for another");
    unit.send(Outgoing::new(other, &"order".to_owned(), body));
    let sent = tried.commit(unit);
    assert!(matches!(sent, Err(CommitError::OtherLane(..))), "{sent:?}");
    assert!(tried.read::<Session>(&(supi(1), 1)).is_none(), "nothing of the unit");
    let delivery = tried.taken();
    assert_eq!(text(&delivery), "for one");
    done(delivery);
    assert!(tried.take().is_none());
}

impl Tried {
    fn message(order: &str, text: &str) -> Outgoing {
        let mut body = SecretWriter::new();
        body.octets(text.as_bytes());
        Outgoing::new(LANE, &order.to_owned(), body)
    }

    fn sent(&self, messages: impl IntoIterator<Item = Outgoing>) {
        self.done(|unit| messages.into_iter().for_each(|message| unit.send(message)));
    }

    fn take(&self) -> Option<Delivery> {
        match pollster::block_on(self.records.outbox().take(&LANE)).expect("read") {
            Taken::Message(delivery) => Some(delivery),
            Taken::Nothing(_) => None,
        }
    }

    fn taken(&self) -> Delivery {
        self.take().expect("a message")
    }
}

fn text(delivery: &Delivery) -> String {
    let mut body = delivery.body();
    let text = body.octets().expect("octets");
    body.end().expect("nothing else");
    String::from_utf8_lossy(&text).into_owned()
}

fn done(delivery: Delivery) {
    pollster::block_on(delivery.done()).expect("removed");
}

fn messages_come_with_their_unit(open: &Place) {
    {
        let tried = Tried::new(open);
        assert!(tried.take().is_none());
        tried.done(|unit| {
            unit.put(&supi(1), &Badge::new("serial", "red"), Expect::Absent);
            unit.send(Tried::message("a", "of a unit that is done"));
        });
        let mut unit = Unit::new();
        unit.put(&supi(1), &Badge::new("serial", "red"), Expect::Absent);
        unit.send(Tried::message("b", "of a unit in conflict"));
        let outcome = tried.commit(unit);
        assert!(matches!(outcome, Err(CommitError::Conflict(Conflict::Present(_)))));
        let row = tried.rows(Table::OUTBOX);
        assert_eq!(row, 1);
        let delivery = tried.taken();
        assert_eq!(text(&delivery), "of a unit that is done");
        assert!(
            tried.take().is_none(),
            "what belongs to a unit that was not done is not there"
        );
        assert_eq!(tried.records.outbox().count(&OTHER).waiting, 0);
        assert_eq!(tried.records.outbox().count(&LANE).waiting, 1);
    }
    let tried = Tried::new(open);
    let delivery = tried.taken();
    assert_eq!(text(&delivery), "of a unit that is done", "it survives");
    done(delivery);
    assert_eq!(tried.rows(Table::OUTBOX), 0);
    assert_eq!(tried.records.outbox().count(&LANE).waiting, 0);
    drop(tried);
    assert!(Tried::new(open).take().is_none(), "once it is done it is gone");
}

fn order_is_kept_and_others_go_on(open: &Place) {
    let tried = Tried::new(open);
    tried.sent([Tried::message("a", "a1"), Tried::message("b", "b1")]);
    tried.sent([Tried::message("a", "a2")]);
    let (a1, b1) = (tried.taken(), tried.taken());
    assert_eq!((&*text(&a1), &*text(&b1)), ("a1", "b1"));
    assert!(tried.take().is_none(), "a2 waits for a1");
    assert!(matches!(
        pollster::block_on(tried.records.outbox().take(&OTHER)).expect("read"),
        Taken::Nothing(None)
    ));
    a1.failed(Duration::from_secs(10));
    let later = pollster::block_on(tried.records.outbox().take(&LANE)).expect("read");
    assert!(
        matches!(later, Taken::Nothing(Some(when)) if when == at(10)),
        "{later:?}"
    );
    drop(b1);
    let b1 = tried.taken();
    assert_eq!(text(&b1), "b1", "what nobody said a word about comes again, at once");
    done(b1);
    tried.pass(10);
    let a1 = tried.taken();
    assert_eq!(text(&a1), "a1");
    let number = a1.number();
    done(a1);
    let a2 = tried.taken();
    assert_eq!(text(&a2), "a2");
    assert!(a2.number() > number);
    done(a2);
    assert!(tried.take().is_none());
}

fn the_newest_takes_the_place_of_those_before(open: &Place) {
    let tried = Tried::new(open);
    tried.sent([
        Tried::message("a", "1"),
        Tried::message("a", "2"),
        Tried::message("b", "b"),
    ]);
    let first = tried.taken();
    assert_eq!(text(&first), "1");
    tried.sent([
        Tried::message("a", "3"),
        Tried::message("a", "4").superseding(),
        Tried::message("a", "5"),
    ]);
    assert_eq!(tried.rows(Table::OUTBOX), 3, "4, 5 and b: in the same commit");
    let b = tried.taken();
    assert_eq!(text(&b), "b", "of another order key");
    done(b);
    assert!(tried.take().is_none(), "1 is being delivered");
    first.failed(Duration::ZERO);
    for expected in ["4", "5"] {
        let next = tried.taken();
        assert_eq!(text(&next), expected, "nothing of before comes again");
        done(next);
    }
    // One that conflicts takes nobody's place.
    tried.sent([Tried::message("a", "6")]);
    tried.done(|unit| unit.put(&supi(1), &Badge::new("serial", "red"), Expect::Absent));
    let mut unit = Unit::new();
    unit.put(&supi(1), &Badge::new("serial", "red"), Expect::Absent);
    unit.send(Tried::message("a", "7").superseding());
    assert!(tried.commit(unit).is_err());
    assert_eq!(text(&tried.taken()), "6");
    assert_eq!(tried.records.outbox().count(&LANE).waiting, 1);
    // Not even after a restart.
    tried.sent([Tried::message("a", "8").superseding()]);
    drop(tried);
    let tried = Tried::new(open);
    let last = tried.taken();
    assert_eq!(text(&last), "8");
    done(last);
    assert!(tried.take().is_none());
}

fn what_is_worth_nothing_any_more_is_dropped(open: &Place) {
    let tried = Tried::new(open);
    tried.sent([
        Tried::message("a", "short").until(at(5)),
        Tried::message("a", "long"),
        Tried::message("b", "shorter").until(at(4)),
        Tried::message("c", "longer").until(at(100)),
    ]);
    let held = tried.taken();
    assert_eq!(text(&held), "short");
    assert_eq!(held.until(), Some(at(5)));
    tried.pass(10);
    tried.until("b is removed", || tried.rows(Table::OUTBOX) == 3);
    held.failed(Duration::ZERO);
    tried.until("so is the one that was being delivered", || {
        tried.rows(Table::OUTBOX) == 2
    });
    tried.until("both are counted", || tried.records.outbox().count(&LANE).dropped == 2);
    let (one, two) = (tried.taken(), tried.taken());
    let mut texts = [text(&one), text(&two)];
    texts.sort();
    assert_eq!(texts, ["long", "longer"]);
    // Between two sweeps whoever takes it sees its end.
    drop((one, two));
    tried.sent([Tried::message("d", "past").until(at(10))]);
    let taken: Vec<_> = std::iter::from_fn(|| tried.take()).collect();
    assert!(taken.iter().all(|delivery| text(delivery) != "past"));
    tried.until("it is counted", || tried.records.outbox().count(&LANE).dropped == 3);
}

fn a_full_lane_refuses(open: &Place) {
    let tried = Tried::new(open);
    for number in 0..LANE.capacity {
        tried.sent([Tried::message("a", &number.to_string())]);
    }
    let send = |order: &str| {
        let mut unit = Unit::new();
        unit.put(&(supi(1), 1), &Session::of(1), Expect::Any);
        unit.send(Tried::message(order, "more"));
        tried.commit(unit)
    };
    for order in ["a", "b"] {
        let outcome = send(order);
        assert!(
            matches!(outcome, Err(CommitError::LaneFull(name, 8)) if name == LANE.name),
            "{outcome:?}"
        );
    }
    assert!(tried.read::<Session>(&(supi(1), 1)).is_none(), "with all of its unit");
    // Other lanes have room of their own.
    let mut body = SecretWriter::new();
    body.octets(b"elsewhere");
    tried.sent([Outgoing::new(OTHER, &1_u8, body)]);
    done(tried.taken());
    send("b").expect("there is room again");
    drop(tried);
    let tried = Tried::new(open);
    let mut unit = Unit::new();
    unit.send(Tried::message("b", "more"));
    let outcome = tried.commit(unit);
    assert!(
        matches!(outcome, Err(CommitError::LaneFull(..))),
        "as full as before: {outcome:?}"
    );
    // Room that a refused unit wanted is not lost.
    done(tried.taken());
    for _ in 0..20 {
        let mut unit = Unit::new();
        unit.send(Tried::message("c", "1"));
        unit.send(Tried::message("c", "2"));
        assert!(matches!(tried.commit(unit), Err(CommitError::LaneFull(..))));
        let mut unit = Unit::new();
        unit.put(
            &(supi(9), 9),
            &Session::of(1),
            Expect::Version(kaskade_flow::record::Version(1)),
        );
        unit.send(Tried::message("c", "1"));
        assert!(matches!(tried.commit(unit), Err(CommitError::Conflict(_))));
    }
    tried.sent([Tried::message("c", "1")]);
}

fn what_is_not_done_comes_again(open: &Place) {
    for life in 0..4 {
        let tried = Tried::new(open);
        if life == 0 {
            tried.sent(["1", "2", "3"].map(|text| Tried::message("a", text)));
        }
        let first = tried.taken();
        assert_eq!(text(&first), ["1", "2", "3", "4"][life]);
        match life {
            3 => continue,
            // Removed, whatever becomes of the future.
            1 => drop(first.done()),
            _ => done(first),
        }
        if let Some(next) = tried.take() {
            next.failed(Duration::from_secs(100_000));
        }
        tried.sent([Tried::message("a", "4")].into_iter().filter(|_| life == 0));
        tried.store.settle().expect("settled");
    }
}

fn what_waits_is_told(open: &Place) {
    let tried = Tried::new(open);
    let outbox = tried.records.outbox();
    let mut context = Context::from_waker(Waker::noop());
    let mut changed = pin!(outbox.changed(&LANE));
    assert_eq!(changed.as_mut().poll(&mut context), Poll::Pending);
    assert!(tried.take().is_none());
    tried.sent([Tried::message("a", "1"), Tried::message("a", "2")]);
    assert_eq!(changed.as_mut().poll(&mut context), Poll::Ready(()));
    // Asked for before it happens, also where nobody polls meanwhile.
    let first = tried.taken();
    let changed = outbox.changed(&LANE);
    assert!(tried.take().is_none());
    done(first);
    pollster::block_on(changed);
    assert_eq!(text(&tried.taken()), "2");
}

fn what_waits_behind_one_that_ends_is_told(open: &Place) {
    let tried = Tried::new(open);
    tried.sent([
        Tried::message("a", "worth nothing soon").until(at(60)),
        Tried::message("a", "behind it"),
    ]);
    tried.taken().failed(Duration::from_secs(1000));
    let changed = tried.records.outbox().changed(&LANE);
    assert!(tried.take().is_none());
    let (tell, told) = std::sync::mpsc::channel();
    let waits = std::thread::spawn(move || {
        pollster::block_on(changed);
        tell.send(()).expect("somebody listens");
    });
    tried.pass(60);
    told.recv_timeout(Duration::from_secs(20)).expect("told");
    waits.join().expect("no panic");
    assert_eq!(text(&tried.taken()), "behind it");
}

fn an_unreadable_message_is_named_and_left(open: &Place) {
    let tried = Tried::new(open);
    tried.sent([Tried::message("a", "1")]);
    let row = {
        let rows = pollster::block_on(tried.engine.page(
            kaskade_store::engine::Cursor::Keys {
                table: Table::OUTBOX,
                after: None,
                prefix: &[],
            },
            10,
        ));
        rows.expect("a page").remove(0)
    };
    let mut edited = row.octets.to_vec();
    *edited.last_mut().expect("octets") ^= 1;
    let value = Value {
        octets: edited.into(),
        expires: row.expires,
        links: Vec::new(),
    };
    tried.plant(Table::OUTBOX, &row.key, Some(value.clone()));
    tried.sent([Tried::message("a", "2"), Tried::message("b", "3")]);
    let take = || pollster::block_on(tried.records.outbox().take(&LANE));
    assert!(matches!(take(), Err(RecordError::Changed(_))));
    let third = tried.taken();
    assert_eq!(text(&third), "3", "others go on");
    done(third);
    assert!(tried.take().is_none(), "what must come behind it waits");
    assert_eq!(tried.records.outbox().count(&LANE).unreadable, 1);
    assert_eq!(tried.row(Table::OUTBOX, &row.key).expect("left").octets, value.octets);
    tried.sent([Tried::message("a", "4").superseding()]);
    assert_eq!(
        tried.records.outbox().count(&LANE).unreadable,
        0,
        "another took its place"
    );
    let fourth = tried.taken();
    assert_eq!(text(&fourth), "4");
    done(fourth);
    // A newer program's.
    let newer = Lane { version: 2, ..OTHER };
    let mut unit = Unit::new();
    let mut body = SecretWriter::new();
    body.octets(b"new");
    unit.send(Outgoing::new(newer, &1_u8, body));
    tried.commit(unit).expect("done");
    let found = pollster::block_on(tried.records.outbox().take(&OTHER));
    assert!(
        matches!(found, Err(RecordError::Version { found: 2, known: 1, .. })),
        "{found:?}"
    );
}
