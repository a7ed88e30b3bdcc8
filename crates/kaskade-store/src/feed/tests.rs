use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::master_key::MasterKey;

fn keys(octet: u8) -> Arc<Locked<InterceptionKeys>> {
    let key = MasterKey::from_octets(&[octet; 32]);
    Arc::new(Locked::with(|| key.interception_keys()))
}

fn says(text: &str) -> SecretWriter {
    let mut says = SecretWriter::new();
    says.octets(text.as_bytes());
    says
}

struct Place {
    folder: tempfile::TempDir,
    segment_octets: u64,
}

impl Place {
    fn new(segment_octets: u64) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            segment_octets,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("li")
    }

    fn segment(&self, number: u64) -> PathBuf {
        SEGMENTS.path(&self.path(), number)
    }

    fn open_with(&self, octet: u8, known: Option<FeedHead>) -> Result<Feed, FeedError> {
        let mut options = FeedOptions::new(&self.path());
        options.segment_octets = self.segment_octets;
        Feed::open(options, keys(octet), known)
    }

    fn open(&self, known: Option<FeedHead>) -> Result<Feed, FeedError> {
        self.open_with(7, known)
    }

    /// With records of these texts; how far it came.
    fn filled(&self, texts: &[&str]) -> FeedHead {
        let mut feed = self.open(None).unwrap();
        for text in texts {
            feed.append(&[says(text)]).unwrap();
        }
        feed.head()
    }
}

fn texts(feed: &Feed, from: u64) -> Vec<(u64, String)> {
    let read = feed.read(from, 100).unwrap();
    let text = |says: &OpenedSecrets| String::from_utf8(says.reader().octets().unwrap().to_vec()).unwrap();
    read.iter().map(|(number, says)| (*number, text(says))).collect()
}

#[test]
fn records_come_back_in_their_order_over_restarts_and_segments() {
    let place = Place::new(600);
    let mut head = None;
    let mut all = Vec::new();
    for start in 0..4_u64 {
        let mut feed = place.open(head).unwrap();
        let expected = if start == 0 { Found::Begun } else { Found::GoesOn };
        assert_eq!(feed.found(), expected);
        for record in 0..3 {
            let text = format!("start {start}, record {record}");
            feed.append(&[says(&text), says("with it")]).unwrap();
            all.extend([text, "with it".to_owned()]);
        }
        head = Some(feed.head());
        let numbered: Vec<_> = (1..).zip(all.clone()).collect();
        assert_eq!(texts(&feed, 1), numbered);
        assert_eq!(texts(&feed, 5), numbered.get(4..).unwrap_or_default());
        assert_eq!(texts(&feed, 1000), []);
        assert_eq!(feed.verify().unwrap(), feed.head());
    }
    assert!(place.segment(4).exists(), "it goes on in other files");
    for number in 1..=4 {
        let file = fs::read(place.segment(number)).unwrap();
        assert!(!file.windows(5).any(|octets| octets == b"start"), "in clear");
        let mode = fs::metadata(place.segment(number)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let mode = fs::metadata(place.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn one_process_writes_a_feed_and_under_one_master_key() {
    let place = Place::new(1 << 20);
    let head = place.filled(&["a"]);
    let feed = place.open(Some(head)).unwrap();
    assert!(matches!(place.open(Some(head)), Err(FeedError::InUse(_))));
    drop(feed);
    let other = place.open_with(8, Some(head));
    assert!(
        matches!(&other, Err(FeedError::Wrong(wrong)) if wrong.what == WrongWhat::Forged),
        "{other:?}"
    );
    place.open(Some(head)).unwrap();
}

#[test]
fn whatever_is_changed_in_a_feed_is_found() {
    let place = Place::new(1 << 20);
    let head = place.filled(&["one", "two", "three"]);
    let path = place.segment(1);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut edited = whole.clone();
        edited[at] ^= 0x20;
        fs::write(&path, &edited).unwrap();
        assert!(place.open(Some(head)).is_err(), "octet {at}");
    }
    // Cut behind a whole record, in the midst of one, or removed.
    let one = (whole.len() - format::HEAD_LEN) / 3;
    for len in [whole.len() - 1, format::HEAD_LEN + one, format::HEAD_LEN] {
        fs::write(&path, &whole[..len]).unwrap();
        let error = place.open(Some(head)).unwrap_err().to_string();
        assert!(error.contains("record"), "{len}: {error}");
    }
    // A record taken out of the middle.
    let (first, second) = (format::HEAD_LEN + one - 2, format::HEAD_LEN + 2 * one - 2);
    fs::write(&path, [&whole[..first], &whole[second..]].concat()).unwrap();
    assert!(place.open(Some(head)).is_err());
    // Nothing was changed by looking at it.
    fs::write(&path, &whole).unwrap();
    assert_eq!(place.open(Some(head)).unwrap().verify().unwrap(), head);
}

#[test]
fn a_segment_that_was_edited_removed_or_put_back_is_found() {
    let place = Place::new(400);
    let head = place.filled(&["one", "two", "three", "four", "five", "six", "seven", "eight"]);
    let older = place.segment(1);
    let whole = fs::read(&older).unwrap();
    let mut edited = whole.clone();
    let last = edited.len() - 60;
    edited[last] ^= 1;
    fs::write(&older, &edited).unwrap();
    let feed = place.open(Some(head)).unwrap();
    assert!(
        feed.verify().is_err(),
        "a start looks at the last one, and verify at all"
    );
    drop(feed);
    // The last record of an older segment is missing.
    let records = fs::read(place.segment(2)).unwrap();
    fs::write(&older, &whole[..whole.len() - (whole.len() - format::HEAD_LEN) / 2]).unwrap();
    let feed = place.open(Some(head)).unwrap();
    let wrong = feed.verify().unwrap_err().to_string();
    assert!(
        wrong.contains("segment 2") && wrong.contains("does not go on"),
        "{wrong}"
    );
    drop(feed);
    fs::write(&older, &whole).unwrap();
    fs::remove_file(place.segment(2)).unwrap();
    assert!(place.open(Some(head)).unwrap_err().to_string().contains("missing"));
    fs::write(place.segment(2), &whole).unwrap();
    crate::private::replace(&place.segment(2), &whole).unwrap();
    assert!(place.open(Some(head)).is_err(), "another one in its place");
    crate::private::replace(&place.segment(2), &records).unwrap();
    assert_eq!(place.open(Some(head)).unwrap().verify().unwrap(), head);
}

#[test]
fn a_feed_that_is_gone_is_begun_anew_and_says_so() {
    let place = Place::new(1 << 20);
    let head = place.filled(&["one"]);
    fs::remove_dir_all(place.path()).unwrap();
    let feed = place.open(Some(head)).unwrap();
    assert_eq!(feed.found(), Found::Lost(head));
    assert_ne!(feed.head().feed, head.feed);
    drop(feed);
    // A kill before anybody had put down that it is another one.
    let mut feed = place.open(Some(head)).unwrap();
    assert_eq!(feed.found(), Found::Lost(head));
    feed.append(&[says("two")]).unwrap();
    drop(feed);
    let Err(FeedError::Wrong(wrong)) = place.open(Some(head)) else {
        panic!("of another feed");
    };
    assert_eq!(wrong.what, WrongWhat::OtherFeed);
}

#[test]
fn what_a_crash_leaves_behind_the_known_end_is_cut_or_kept() {
    let place = Place::new(1 << 20);
    let known = place.filled(&["one"]);
    let mut feed = place.open(Some(known)).unwrap();
    feed.append(&[says("two"), says("three")]).unwrap();
    let head = feed.head();
    drop(feed);
    let path = place.segment(1);
    let whole = fs::read(&path).unwrap();
    // Whole, and nobody had put down that it is: it counts.
    let feed = place.open(Some(known)).unwrap();
    assert_eq!((feed.found(), feed.head()), (Found::Ahead(1), head));
    drop(feed);
    // Not whole: nobody was told that it is durable.
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let mut feed = place.open(Some(known)).unwrap();
    assert_eq!(feed.head().records, 2);
    feed.append(&[says("three again")]).unwrap();
    assert_eq!(texts(&feed, 3), [(3, "three again".to_owned())]);
    feed.verify().unwrap();
    drop(feed);
    // A file that was just being begun.
    fs::write(place.segment(2), b"KSK").unwrap();
    assert_eq!(place.open(Some(known)).unwrap().head().records, 3);
}

#[test]
fn a_feed_takes_no_more_than_it_may() {
    let place = Place::new(1 << 20);
    let mut options = FeedOptions::new(&place.path());
    options.most_octets = 500;
    let mut feed = Feed::open(options, keys(7), None).unwrap();
    let mut taken = 0;
    let full = loop {
        match feed.append(&[says("a record")]) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, FeedError::Full(500)), "{full}");
    assert!(taken > 0);
    assert_eq!(feed.verify().unwrap().records, taken);
}

#[test]
fn a_view_is_verified_while_more_is_appended() {
    let place = Place::new(200);
    let mut feed = place.open(None).unwrap();
    feed.append(&[says("first")]).unwrap();
    let (view, head) = (feed.view(), feed.head());
    for _ in 0..5 {
        feed.append(&[says("behind")]).unwrap();
    }
    assert!(place.segment(2).exists(), "another file too");
    assert_eq!(view.verify().unwrap(), head);
    assert_eq!(feed.view().verify().unwrap(), feed.head());
    let mut edited = fs::read(place.segment(1)).unwrap();
    let last = edited.len() - 1;
    edited[last] ^= 1;
    fs::write(place.segment(1), edited).unwrap();
    assert!(feed.view().verify().is_err());
}
