//! Whatever happens, the bounds hold, and nobody loses to another.

use core::time::Duration;
use std::hash::RandomState;
use std::{vec, vec::Vec};

use super::*;
use crate::expiring::Everybody;

const LIFETIME: Duration = Duration::from_secs(10);

type Users = Expiring<u64, u64, u64, RandomState>;

fn table(all: usize, per_user: usize) -> Users {
    let bounds = Bounds {
        all: all * usize::from(SHARDS),
        per_user,
    };
    Expiring::new(bounds, RandomState::new())
}

fn at(ms: u64) -> Moment {
    Moment::from_nanos(1 + ms * 1_000_000)
}

fn insert(table: &Users, user: u64, owner: u64, id: u128, value: u64, now: Moment) -> Result<(), Full> {
    table.insert(&user, owner, id, value, now.after(LIFETIME), now)
}

/// Users of one shard.
fn together(table: &Users) -> impl Iterator<Item = u64> {
    (0..).filter(|user| table.shard_of(user) == 0)
}

fn consistent(table: &Users) {
    for shard in &table.shards {
        shard.lock().unwrap().assert_consistent();
    }
}

/// An identifier that looks like a random one.
fn random(n: u64) -> u128 {
    let mix = |mut z: u64| {
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    };
    let low = mix(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    u128::from(mix(low)) << 64 | u128::from(low)
}

#[test]
fn everything_is_bounded_whatever_happens() {
    let table = table(20, 3);
    let mut in_work = Vec::new();
    for step in 0..40_000_u64 {
        let now = at(step);
        let (user, owner, id) = (step * 7919 % 2000, step % 7 % 3, random(step));
        let shard = table.shard_of(&user);
        // Work that began a while ago ends one way or another, also beyond the end of the entry.
        if let Some((shard, id)) = in_work.pop_if(|_| step % 3 == 0) {
            let back = (step % 2 == 0).then_some((step, now.after(LIFETIME)));
            table.end(shard, id, back, now);
        }
        if insert(&table, user, owner, id, step, now).is_err() {
            continue;
        }
        match step % 7 {
            0 => {}
            1 => {
                for other in (0..3).filter(|other| *other != owner) {
                    assert_eq!(table.take(shard, id, other, now), Err(Missing::Unknown));
                }
                assert_eq!(table.take(shard, id, owner, now), Ok(step));
                assert_eq!(table.take(shard, id, owner, now), Err(Missing::Unknown));
            }
            2 => assert!(table.forget(&user, owner) >= 1),
            3 => {
                assert_eq!(table.begin(shard, id, owner, now), Ok(step));
                assert_eq!(table.begin(shard, id, owner, now), Err(Missing::InWork));
                in_work.push((shard, id));
            }
            _ => assert_eq!(table.of(&user).last(), Some(&step)),
        }
        if step % 500 == 0 {
            consistent(&table);
        }
    }
    for (shard, id) in in_work {
        table.end(shard, id, None, at(0));
    }
    table.sweep(at(60_000), drop);
    assert_eq!(table.len(), 0);
    consistent(&table);
}

#[test]
fn an_owner_loses_its_own_and_never_anothers() {
    let table = table(100, 4);
    let now = at(0);
    let (victim, attacker, third) = (1, 2, 3);
    let users: Vec<_> = together(&table).take(1000).collect();
    insert(&table, users[0], victim, 1, 1, now).unwrap();
    // Of the same user.
    for id in 10..30 {
        insert(&table, users[0], attacker, id, 0, now).unwrap();
    }
    assert_eq!(table.of(&users[0]), [1, 0, 0, 0, 0]);
    // Of the whole.
    for (id, user) in (100..).zip(&users) {
        insert(&table, *user, attacker, id, 0, now).unwrap();
    }
    assert!((70..=76).contains(&table.len()), "{}", table.len());
    // There is room for others, and the more they take, the less the first one has.
    for (id, user) in (10_000..).zip(&users[..500]) {
        insert(&table, *user, third, id, 0, now).unwrap();
        insert(&table, *user, attacker, id + 500, 0, now).unwrap();
    }
    for owner in [third, attacker] {
        let count = table.shard(0).count_of(owner);
        assert!((38..=46).contains(&count), "{count}");
    }
    assert!(table.len() < 100);
    assert_eq!(table.take(0, 1, victim, now), Ok(1));
}

#[test]
fn where_everything_is_taken_a_stranger_waits_for_its_end() {
    let table = table(4, 4);
    let now = at(0);
    let users: Vec<_> = together(&table).take(4).collect();
    for (owner, user) in (0..).zip(&users) {
        insert(&table, *user, owner, owner.into(), 0, now).unwrap();
    }
    assert_eq!(insert(&table, users[0], 9, 9, 0, now), Err(Full));
    insert(&table, users[0], 0, 8, 0, now).unwrap();
    insert(&table, users[0], 9, 9, 0, at(10_000)).unwrap();
}

#[test]
fn no_lifetime_is_too_long_for_the_clock() {
    let (table, now) = (table(4, 4), at(0));
    let far = now.after(Duration::from_secs(1 << 33));
    table.insert(&0, 1, 1, 7, far, now).unwrap();
    table.insert(&0, 1, 2, 8, now.after(Duration::MAX), now).unwrap();
    table.sweep(at(1000 << 31), drop);
    assert_eq!(table.of(&0), [7, 8]);
}

/// What is in work is refused to a second message, and to others it is not there.
#[test]
fn what_is_in_work_is_refused_until_it_is_put_back_or_removed() {
    let table = table(4, 4);
    let (now, shard) = (at(0), table.shard_of(&7));
    insert(&table, 7, 1, 5, 50, now).unwrap();
    assert_eq!(table.begin(shard, 5, 1, now), Ok(50));
    assert_eq!(table.begin(shard, 5, 1, now), Err(Missing::InWork));
    assert_eq!(table.take(shard, 5, 1, now), Err(Missing::InWork));
    assert_eq!(table.begin(shard, 5, 2, now), Err(Missing::Unknown), "another's");
    assert_eq!((table.len(), table.of(&7)), (1, vec![]));
    assert!(table.end(shard, 5, Some((51, now.after(LIFETIME))), now));
    assert_eq!(table.begin(shard, 5, 1, now), Ok(51));
    assert!(table.end(shard, 5, None, now));
    assert_eq!(table.begin(shard, 5, 1, now), Err(Missing::Unknown));
    assert!(
        !table.end(shard, 5, Some((52, None)), now),
        "nothing is in work any more"
    );
    assert_eq!(table.len(), 0);
}

#[test]
fn what_is_in_work_does_not_expire_and_does_not_hold_up_what_does() {
    let table = table(8, 4);
    let shard = table.shard_of(&7);
    insert(&table, 7, 1, 1, 10, at(0)).unwrap();
    insert(&table, 7, 1, 2, 20, at(1000)).unwrap();
    insert(&table, 7, 1, 3, 30, at(2000)).unwrap();
    assert_eq!(table.begin(shard, 1, 1, at(2000)), Ok(10));
    let mut over = Vec::new();
    table.sweep(at(11_500), |value| over.push(value));
    assert_eq!(over, [20], "behind one that is in work");
    assert_eq!(table.begin(shard, 1, 1, at(11_500)), Err(Missing::InWork));
    // Its time has come meanwhile: it does not come back.
    assert!(table.end(shard, 1, Some((10, at(0).after(LIFETIME))), at(11_500)));
    assert_eq!(table.begin(shard, 1, 1, at(11_500)), Err(Missing::Unknown));
    // One that is put back in time is over in its time, though the sweep has passed it by.
    assert_eq!(table.begin(shard, 3, 1, at(11_500)), Ok(30));
    table.sweep(at(12_500), drop);
    assert!(table.end(shard, 3, Some((31, Some(at(13_000)))), at(12_500)));
    consistent(&table);
    table.sweep(at(13_000), drop);
    assert_eq!(table.len(), 0);
}

#[test]
fn what_is_in_work_keeps_its_place_in_a_full_table() {
    let table = table(8, 2);
    let now = at(0);
    let users: Vec<_> = together(&table).take(20).collect();
    // One owner alone has six of eight, and has them all in work.
    for (id, user) in (1..7).zip(&users) {
        insert(&table, *user, 1, id, 0, now).unwrap();
        table.begin(0, id, 1, now).unwrap();
    }
    assert_eq!(insert(&table, users[10], 1, 100, 0, now), Err(Full));
    insert(&table, users[10], 2, 101, 0, now).unwrap();
    consistent(&table);
    for id in 1..7 {
        assert_eq!(table.begin(0, id, 1, now), Err(Missing::InWork), "{id}");
    }
    assert!(table.end(0, 1, None, now) && table.end(0, 2, None, now));
    insert(&table, users[10], 1, 102, 0, now).unwrap();
    // What comes back is among the oldest, and makes room first.
    assert!(table.end(0, 3, Some((3, now.after(LIFETIME))), now));
    for id in 200..204 {
        insert(&table, users[11], 1, id, 0, now).unwrap();
    }
    assert_eq!(table.begin(0, 3, 1, now), Err(Missing::Unknown));
    assert_eq!(table.begin(0, 4, 1, now), Err(Missing::InWork));
    consistent(&table);
}

#[test]
fn what_is_in_work_does_not_count_against_its_user() {
    let (table, now) = (table(20, 1), at(0));
    let shard = table.shard_of(&7);
    insert(&table, 7, 1, 1, 10, now).unwrap();
    table.begin(shard, 1, 1, now).unwrap();
    insert(&table, 7, 1, 2, 20, now).unwrap();
    insert(&table, 7, 1, 3, 30, now).unwrap();
    assert_eq!(table.of(&7), [30]);
    assert!(table.end(shard, 1, Some((11, None)), now));
    consistent(&table);
}

#[test]
fn what_was_forgotten_in_work_does_not_come_back() {
    let (table, now) = (table(20, 4), at(0));
    let shard = table.shard_of(&7);
    insert(&table, 7, 1, 1, 10, now).unwrap();
    insert(&table, 7, 1, 2, 20, now).unwrap();
    insert(&table, 7, 2, 3, 30, now).unwrap();
    table.begin(shard, 1, 1, now).unwrap();
    assert_eq!(table.forget(&7, 1), 2);
    assert_eq!(table.forget(&7, 1), 0, "it is forgotten already");
    assert_eq!(table.begin(shard, 1, 1, now), Err(Missing::Unknown));
    assert!(!table.end(shard, 1, Some((11, None)), now));
    assert_eq!(table.of(&7), [30], "another's stays");
    consistent(&table);
}

#[test]
fn what_makes_room_or_is_over_is_told() {
    let mut table: Table<u64, u64> = Table::new(Bounds { all: 8, per_user: 2 });
    let mut gone = Vec::new();
    let mut put = |table: &mut Table<u64, u64>, user, value: u64, now: Moment| {
        let inserted = table.insert_telling(user, 1, value.into(), value, now.after(LIFETIME), now, &mut |value| {
            gone.push(value);
        });
        inserted.unwrap();
        core::mem::take(&mut gone)
    };
    // The oldest of a user, then the oldest of the owner, then what is over.
    assert_eq!(put(&mut table, 1, 1, at(0)), []);
    assert_eq!(put(&mut table, 1, 2, at(1)), []);
    assert_eq!(put(&mut table, 1, 3, at(2)), [1]);
    let mut told = Vec::new();
    for user in 2..20 {
        told.extend(put(&mut table, user, user + 2, at(user + 1)));
        assert_eq!(told.len() + table.len(), usize::try_from(user).unwrap() + 1);
    }
    assert!(told.is_sorted(), "{told:?}");
    let there = table.len();
    assert_eq!(put(&mut table, 99, 99, at(60_000)).len(), there);
}

/// A fast re-authentication ends with the full one before it, however late it comes.
#[test]
fn what_is_over_goes_whatever_lives_longer_before_it() {
    let table = table(100, 4);
    let users: Vec<_> = together(&table).take(40).collect();
    let ends = |n: u64| at(100_000 - n * 37 % 1000 * 100);
    for (n, user) in (0..).zip(&users) {
        table.insert(user, 1, random(n), n, Some(ends(n)), at(0)).unwrap();
    }
    for ms in (0..=100_000).step_by(500) {
        let (mut over, before) = (Vec::new(), table.len());
        table.sweep(at(ms), |value| over.push(value));
        assert_eq!(over.len() + table.len(), before);
        assert!(over.iter().all(|value| ends(*value) <= at(ms)));
        let mut left = Vec::new();
        table.each(None, at(0), |_, value, _| {
            left.push(*value);
            true
        });
        assert!(left.iter().all(|value| ends(*value) > at(ms)), "{ms}");
        consistent(&table);
    }
    assert_eq!(table.len(), 0);
}

#[test]
fn what_nobody_shares_is_for_the_one_whole() {
    let mut table: Table<Everybody, u64> = Table::new(Bounds { all: 12, per_user: 1 });
    let mut gone = Vec::new();
    for n in 0..30 {
        let until = at(n).after(LIFETIME);
        let told = &mut |value| gone.push(value);
        table
            .insert_telling(n, Everybody, n.into(), n, until, at(n), told)
            .unwrap();
        assert_eq!(table.len(), usize::try_from(n + 1).unwrap().min(12));
    }
    assert_eq!(gone, (0..18).collect::<Vec<_>>(), "the oldest of all");
    table.assert_consistent();
}
