//! Nonces that need no memory until they are used, and the counts of those that were.
//!
//! A nonce is `milliseconds 6 ‖ random 10 ‖ code 16`, the code being HMAC-SHA-256 over the realm and the first 16 octets, cut to 16, under
//! a key of this process: 43 characters of base64url. So whoever asks for challenges takes no room here; only a UE that knows its key does,
//! whose counts are kept until the nonce is over. The milliseconds are of a clock that only goes on, as is the end of the counts: setting
//! the wall's clock makes no nonce younger.
//!
//! A count is taken once. Counts may come in another order than they were made, as requests on several connections do: of the 64 up to
//! the highest those that have not come are still taken. Where counts of a nonce that is not over have to make room, it cannot be known any
//! more what this user did with nonces that are as old or older, and they are stale for this user. Only where too many users come to that
//! are such nonces stale for all.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use kaskade_crypto::kdf::HmacKey;
use kaskade_faults::fault;
use kaskade_flow::expiring::{Bounds, Everybody, Table};
use kaskade_flow::{Entropy, Moment, NoRandomness};
use subtle::ConstantTimeEq as _;

/// Octets that a code covers, beside the realm.
const NUMBER: usize = 16;
/// Octets of a nonce.
const NONCE: usize = 32;
/// Characters of a nonce.
pub(crate) const TEXT: usize = 43;
/// Nonces of one user whose counts are kept.
const PER_USER: usize = 32;
const NANOS_OF_MILLI: u64 = 1_000_000;

/// The nonces of one realm.
pub(crate) struct Nonces {
    key: HmacKey,
    realm: String,
    life: Duration,
    counts: Mutex<Counts>,
}

struct Counts {
    table: Table<Everybody, Window>,
    floors: Floors,
}

/// Until when nonces without counts may have been used: by a user whose counts had to make room, or by anybody.
struct Floors {
    life: Duration,
    of_user: Table<Everybody, Floor>,
    of_all: Option<Moment>,
}

/// A nonce that was made at this time or before, and has no counts of this user, may have been used.
#[derive(Clone, Copy)]
struct Floor {
    made: Moment,
}

impl Floors {
    /// As many as there can be users with all the nonces that one may have.
    fn new(life: Duration, most: usize) -> Self {
        let bounds = Bounds {
            all: most.div_ceil(PER_USER).max(1),
            per_user: 1,
        };
        Self {
            life,
            of_user: Table::new(bounds),
            of_all: None,
        }
    }

    /// Whether nobody knows what a user did with a nonce of this time that has no counts.
    fn is_below(&self, user: u128, made: Moment, now: Moment) -> bool {
        let of_user = self.of_user.peek(user, Everybody, now).map(|floor| floor.made);
        of_user.max(self.of_all).is_some_and(|floor| made <= floor)
    }

    /// The counts of a user's nonce that was made at this time are gone.
    fn raise(&mut self, user: u128, made: Moment, now: Moment) {
        let Self { life, of_user, of_all } = self;
        if now.since(made) >= *life {
            return;
        }
        if fault!("af-one-user-spends-all-nonces") {
            *of_all = (*of_all).max(Some(made));
            return;
        }
        let known = of_user.take(user, Everybody, now).map_or(made, |floor| floor.made);
        let floor = Floor { made: made.max(known) };
        let end = floor.made.after(*life);
        let mut gone = |gone: Floor| {
            if now.since(gone.made) < *life {
                *of_all = (*of_all).max(Some(gone.made));
            }
        };
        let put = of_user.insert_telling(of_table(user), Everybody, user, floor, end, now, &mut gone);
        if put.is_err() {
            gone(floor);
        }
    }
}

/// What stands for a user in a table.
fn of_table(user: u128) -> u64 {
    u64::try_from(user >> 64).unwrap_or(0)
}

/// A nonce that was made here and is not over.
#[derive(Clone, Copy)]
pub(crate) struct Nonce {
    number: [u8; NUMBER],
    made: Moment,
    age: Duration,
}

/// What a nonce is.
pub(crate) enum Seen {
    /// Made here, and not over.
    Fresh(Nonce),
    /// Made here, and over.
    Stale,
    /// Not made here: by another process, before a restart, or by whoever sent it.
    Foreign,
}

/// A count was taken before, or it cannot be known any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replayed;

impl Nonces {
    /// Of a realm, each good for `life`, with counts of so many at once.
    pub(crate) fn new(
        realm: &str,
        life: Duration,
        most: usize,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, NoRandomness> {
        let bounds = Bounds {
            all: most,
            per_user: PER_USER,
        };
        Ok(Self {
            key: HmacKey::new(&entropy.octets::<32>()?),
            realm: realm.to_owned(),
            life,
            counts: Mutex::new(Counts {
                table: Table::new(bounds),
                floors: Floors::new(life, most),
            }),
        })
    }

    /// A new one.
    pub(crate) fn make(&self, now: Moment, entropy: &mut dyn Entropy) -> Result<String, NoRandomness> {
        let mut number = [0; NUMBER];
        let [_, _, time @ ..] = (now.as_nanos() / NANOS_OF_MILLI).to_be_bytes();
        let (of_time, random) = number.split_at_mut(time.len());
        of_time.copy_from_slice(&time);
        entropy.fill(random)?;
        let mut octets = [0; NONCE];
        let (front, back) = octets.split_at_mut(NUMBER);
        front.copy_from_slice(&number);
        back.copy_from_slice(&self.code(&number));
        Ok(Base64UrlUnpadded::encode_string(&octets))
    }

    /// What a text is.
    pub(crate) fn see(&self, text: &str, now: Moment) -> Seen {
        let mut octets = [0; NONCE];
        let is_decoded = text.len() == TEXT && Base64UrlUnpadded::decode(text, &mut octets).is_ok();
        let (Some(number), Some(code)) = (octets.first_chunk::<NUMBER>(), octets.last_chunk::<NUMBER>()) else {
            return Seen::Foreign;
        };
        let is_own = bool::from(self.code(number)[..].ct_eq(&code[..])) || fault!("af-nonce-of-anybody");
        if !is_decoded || !is_own {
            return Seen::Foreign;
        }
        let [a, b, c, d, e, f, ..] = *number;
        let millis = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let made = Moment::from_nanos(millis.saturating_mul(NANOS_OF_MILLI));
        let age = now.since(made);
        if age >= self.life && !fault!("af-nonce-for-ever") {
            return Seen::Stale;
        }
        Seen::Fresh(Nonce {
            number: *number,
            made,
            age,
        })
    }

    /// Whether more than half of its life is over, so that the client should get another one.
    pub(crate) fn is_ageing(&self, nonce: Nonce) -> bool {
        nonce.age * 2 > self.life
    }

    /// Takes a count of a nonce by a user, once. To be asked when the user has shown the key: what others say takes no room.
    pub(crate) fn take(&self, nonce: Nonce, user: u128, count: u32, now: Moment) -> Result<(), Replayed> {
        let id = u128::from_be_bytes(nonce.number) ^ user;
        let end = nonce.made.after(self.life);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts { table, floors } = &mut *counts;
        let known = table.begin(id, Everybody, now).ok();
        if let Some(mut window) = known {
            let is_new = window.take(count);
            table.end(id, Some((window, end)), now);
            return if is_new { Ok(()) } else { Err(Replayed) };
        }
        // A request that was judged while its nonce came to its end: its counts may be gone.
        let is_over = now.since(nonce.made) >= self.life && !fault!("af-nonce-for-ever");
        let is_unknown = floors.is_below(user, nonce.made, now) && !fault!("af-forgotten-counts");
        if is_over || is_unknown {
            return Err(Replayed);
        }
        let mut window = Window {
            user,
            made: nonce.made,
            highest: 0,
            seen: 0,
        };
        if !window.take(count) {
            return Err(Replayed);
        }
        let mut gone = |gone: Window| floors.raise(gone.user, gone.made, now);
        let put = table.insert_telling(of_table(user), Everybody, id, window, end, now, &mut gone);
        put.map_err(|_| Replayed)
    }

    fn code(&self, number: &[u8; NUMBER]) -> [u8; NUMBER] {
        *self
            .key
            .mac_parts(&[b"nonce", self.realm.as_bytes(), number])
            .high_128()
    }
}

/// Which counts of a nonce have come: the highest, and of the 64 up to it a bit for each, the lowest bit for the highest.
struct Window {
    user: u128,
    made: Moment,
    highest: u32,
    seen: u64,
}

impl Window {
    /// Whether a count comes for the first time, as far as that can be known. Counts begin at 1.
    fn take(&mut self, count: u32) -> bool {
        if fault!("af-count-twice") {
            return true;
        }
        if let Some(ahead) = count.checked_sub(self.highest).filter(|ahead| *ahead > 0) {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let bit = 1_u64.checked_shl(self.highest - count).unwrap_or(0);
        let is_new = count > 0 && bit != 0 && self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonces({})", self.realm)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kaskade_net::random::SystemEntropy;
    use proptest::prelude::*;

    use super::*;

    const LIFE: Duration = Duration::from_secs(300);
    /// Octets of the counts at most, by the defaults.
    const ROOM_OF_NONCES: usize = 26 << 20;
    const REALM: &str = "3GPP-bootstrapping-akma@af.example";

    fn nonces(most: usize) -> Nonces {
        Nonces::new(REALM, LIFE, most, &mut SystemEntropy).unwrap()
    }

    fn at(millis: u64) -> Moment {
        Moment::from_nanos((3_600_000 + millis) * 1_000_000)
    }

    fn fresh(nonces: &Nonces, text: &str, millis: u64) -> Nonce {
        match nonces.see(text, at(millis)) {
            Seen::Fresh(nonce) => nonce,
            Seen::Stale => panic!("stale"),
            Seen::Foreign => panic!("foreign"),
        }
    }

    #[test]
    fn a_nonce_is_known_again_until_it_is_over() {
        let nonces = nonces(100);
        let text = nonces.make(at(0), &mut SystemEntropy).unwrap();
        assert_eq!(text.len(), TEXT);
        assert!(!nonces.is_ageing(fresh(&nonces, &text, 0)) && !nonces.is_ageing(fresh(&nonces, &text, 150_000)));
        assert!(nonces.is_ageing(fresh(&nonces, &text, 150_001)) && nonces.is_ageing(fresh(&nonces, &text, 299_999)));
        assert!(matches!(nonces.see(&text, at(300_000)), Seen::Stale));
    }

    #[test]
    fn a_nonce_of_anybody_else_is_foreign() {
        let nonces = nonces(100);
        let text = nonces.make(at(0), &mut SystemEntropy).unwrap();
        let others = [
            Nonces::new(REALM, LIFE, 1, &mut SystemEntropy).unwrap(),
            Nonces {
                key: nonces.key.clone(),
                ..Nonces::new("3GPP-bootstrapping-akma@other.example", LIFE, 1, &mut SystemEntropy).unwrap()
            },
        ];
        for other in others {
            assert!(matches!(other.see(&text, at(0)), Seen::Foreign));
        }
        for place in 0..TEXT {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(matches!(nonces.see(&changed, at(0)), Seen::Foreign), "{place}");
        }
        for text in ["", &text[1..], &format!("{text}="), &format!("{text}A")] {
            assert!(matches!(nonces.see(text, at(0)), Seen::Foreign), "{text}");
        }
    }

    #[test]
    fn a_count_is_taken_once_of_each_user() {
        let nonces = nonces(100);
        let text = nonces.make(at(0), &mut SystemEntropy).unwrap();
        let nonce = fresh(&nonces, &text, 0);
        for user in [1 << 100, 2 << 100] {
            assert_eq!(nonces.take(nonce, user, 0, at(0)), Err(Replayed), "counts begin at 1");
            for count in [1, 3, 2, 100, 37] {
                assert_eq!(nonces.take(nonce, user, count, at(0)), Ok(()), "{count}");
                assert_eq!(nonces.take(nonce, user, count, at(0)), Err(Replayed), "{count}");
            }
            assert_eq!(nonces.take(nonce, user, 36, at(0)), Err(Replayed), "too far behind");
            assert_eq!(nonces.take(nonce, user, u32::MAX, at(0)), Ok(()));
            assert_eq!(nonces.take(nonce, user, 101, at(0)), Err(Replayed));
        }
    }

    #[test]
    fn what_had_to_make_room_cannot_be_used_again() {
        let nonces = nonces(4);
        let made: Vec<String> = (0..8)
            .map(|n| nonces.make(at(n), &mut SystemEntropy).unwrap())
            .collect();
        let unused = nonces.make(at(2), &mut SystemEntropy).unwrap();
        let user = |n: usize| (n as u128 + 1) << 100;
        for (n, text) in made.iter().enumerate() {
            assert_eq!(nonces.take(fresh(&nonces, text, 10), user(n), 1, at(10)), Ok(()));
        }
        for (n, text) in made.iter().enumerate() {
            let again = nonces.take(fresh(&nonces, text, 10), user(n), 1, at(10));
            assert_eq!(again, Err(Replayed), "{n}");
        }
        // As old as one of those, and so nobody can say.
        assert_eq!(
            nonces.take(fresh(&nonces, &unused, 10), user(9), 1, at(10)),
            Err(Replayed)
        );
        let newer = nonces.make(at(9), &mut SystemEntropy).unwrap();
        assert_eq!(nonces.take(fresh(&nonces, &newer, 10), user(9), 1, at(10)), Ok(()));
    }

    #[test]
    fn a_user_who_logs_in_fast_leaves_others_their_nonces() {
        let nonces = nonces(1000);
        let (fast, slow) = (1 << 100, 2 << 100);
        let text_of_others = nonces.make(at(0), &mut SystemEntropy).unwrap();
        let made: Vec<String> = (0..40)
            .map(|n| nonces.make(at(n), &mut SystemEntropy).unwrap())
            .collect();
        for text in &made {
            assert_eq!(nonces.take(fresh(&nonces, text, 50), fast, 1, at(50)), Ok(()));
        }
        for text in made.iter().chain([&text_of_others]) {
            let again = nonces.take(fresh(&nonces, text, 50), fast, 1, at(50));
            assert_eq!(again, Err(Replayed), "what made room cannot be used again");
        }
        let of_others = nonces.take(fresh(&nonces, &text_of_others, 50), slow, 1, at(50));
        assert_eq!(of_others, Ok(()));
        // What one user cannot know of is over with the nonces.
        let later = nonces.make(at(300_000), &mut SystemEntropy).unwrap();
        let nonce = fresh(&nonces, &later, 300_001);
        assert_eq!(nonces.take(nonce, fast, 1, at(300_001)), Ok(()));
    }

    #[test]
    fn too_many_who_log_in_fast_end_old_nonces_of_all() {
        // Room for two floors.
        let nonces = nonces(2 * PER_USER);
        let user = |n: u128| (n + 1) << 100;
        let unused: Vec<String> = [0, 3]
            .into_iter()
            .map(|millis| nonces.make(at(millis), &mut SystemEntropy).unwrap())
            .collect();
        for who in 0..3 {
            let first = nonces.make(at(1), &mut SystemEntropy).unwrap();
            assert_eq!(nonces.take(fresh(&nonces, &first, 9), user(who), 1, at(9)), Ok(()));
            for _ in 0..PER_USER {
                let next = nonces.make(at(2), &mut SystemEntropy).unwrap();
                assert_eq!(nonces.take(fresh(&nonces, &next, 9), user(who), 1, at(9)), Ok(()));
            }
            let again = nonces.take(fresh(&nonces, &first, 9), user(who), 1, at(9));
            assert_eq!(again, Err(Replayed), "{who}");
        }
        let of_others = |text: &str| nonces.take(fresh(&nonces, text, 9), user(9), 1, at(9));
        assert_eq!([of_others(&unused[0]), of_others(&unused[1])], [Err(Replayed), Ok(())]);
    }

    #[test]
    fn counts_are_kept_as_long_as_a_nonce_is_good() {
        let nonces = nonces(100);
        let user = 1 << 100;
        let text = nonces.make(at(0), &mut SystemEntropy).unwrap();
        assert_eq!(nonces.take(fresh(&nonces, &text, 1), user, 1, at(1)), Ok(()));
        for millis in (0..300).map(|seconds| 1000 * seconds + 2).chain([299_999]) {
            // Another one's login sweeps what is over.
            let other = nonces.make(at(millis), &mut SystemEntropy).unwrap();
            assert_eq!(
                nonces.take(fresh(&nonces, &other, millis), user << 1, 1, at(millis)),
                Ok(())
            );
            let again = nonces.take(fresh(&nonces, &text, millis), user, 1, at(millis));
            assert_eq!(again, Err(Replayed), "{millis}");
        }
        let last = fresh(&nonces, &text, 299_999);
        assert!(matches!(nonces.see(&text, at(300_000)), Seen::Stale));
        // Judged before its end, and asked after it.
        let other = nonces.make(at(300_000), &mut SystemEntropy).unwrap();
        assert_eq!(
            nonces.take(fresh(&nonces, &other, 300_000), user << 1, 1, at(300_000)),
            Ok(())
        );
        assert_eq!(nonces.take(last, user, 1, at(300_001)), Err(Replayed));
    }

    #[test]
    fn counts_take_the_room_that_adr_0019_says() {
        let most = crate::LoginOptions::default().most_nonces;
        let counts = Table::<Everybody, Window>::octets_at_most(most, 0);
        let floors = Table::<Everybody, Floor>::octets_at_most(most.div_ceil(PER_USER), 0);
        let octets = counts + floors;
        assert!(
            (ROOM_OF_NONCES - (4 << 20)..=ROOM_OF_NONCES).contains(&octets),
            "{octets}"
        );
    }

    proptest! {
        #[test]
        fn a_window_takes_what_a_list_would(counts in prop::collection::vec(prop_oneof![0_u32..200, any::<u32>()], 0..200)) {
            let mut window = Window { user: 0, made: at(0), highest: 0, seen: 0 };
            let (mut taken, mut highest) = (HashSet::new(), 0);
            for count in counts {
                let expected = count > 0 && u64::from(count) + 64 > u64::from(highest) && !taken.contains(&count);
                prop_assert_eq!(window.take(count), expected, "{} after {}", count, highest);
                if expected {
                    taken.insert(count);
                    highest = highest.max(count);
                }
            }
        }
    }
}
