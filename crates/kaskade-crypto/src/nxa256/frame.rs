//! NEA, NIA and NCA of any of the three keystreams.

use super::input::Iv256;
use super::job::{CipherJob256, MacJob256};
use super::mac_key::MacKey;
use super::mac_key::{MAC_KEY, mac_key};
use super::polyval;
use super::tag::{Tag, TagLength};
use crate::cipher::engine::Engine;
use crate::cipher::{Key256, MacMismatch};
use crate::wipe::Wiped;

/// Messages of a batch whose H, Q and P are made before they are used.
const GROUP: usize = 16;

/// One of the three keystream generators under a key, wiped on drop.
pub(super) trait Generator: Clone {
    /// The keystream of one message.
    type Stream<'a>: Stream
    where
        Self: 'a;

    /// Takes the key.
    fn new(key: &Key256, engine: Engine) -> Self;

    /// What it runs on.
    fn engine(&self) -> Engine;

    /// The keystream of 16 octets, which are the IV of NEA or those of [`mac_iv`](Self::mac_iv).
    fn stream(&self, iv: &[u8; 16]) -> Self::Stream<'_>;

    /// What begins the keystream that begins with H, Q and P.
    fn mac_iv(iv: &Iv256) -> [u8; 16] {
        *iv.octets()
    }

    /// The keystream that ciphers in NCA, after the one of `mac_iv` gave H, Q and P.
    fn after_mac_key<'a>(&'a self, _iv: &Iv256, stream: Self::Stream<'a>) -> Self::Stream<'a> {
        stream
    }

    /// Adds to each message its keystream.
    fn apply_batch<'a>(jobs: impl Iterator<Item = Job<'a, Self>>)
    where
        Self: 'a,
    {
        jobs.for_each(Job::apply);
    }
}

/// The keystream of one message.
pub(super) trait Stream {
    /// Adds the next octets of the keystream to `message`. Called once, or twice where the first 48 octets are H, Q and P.
    fn apply(&mut self, message: &mut [u8]);
}

/// A message to add a keystream to.
pub(super) struct Job<'a, G> {
    pub(super) generator: &'a G,
    pub(super) iv: [u8; 16],
    pub(super) message: &'a mut [u8],
}

impl<G: Generator> Job<'_, G> {
    pub(super) fn apply(self) {
        self.generator.stream(&self.iv).apply(self.message);
    }
}

/// NEA.
pub(super) fn apply(generator: &impl Generator, iv: &Iv256, message: &mut [u8]) {
    generator.stream(iv.octets()).apply(message);
}

/// NEA of many messages.
pub(super) fn apply_batch<'a, A: 'a, G: Generator + 'a>(
    jobs: &'a mut [CipherJob256<'_, A>],
    generator: impl Fn(&'a A) -> &'a G,
) {
    G::apply_batch(jobs.iter_mut().map(|job| Job {
        generator: generator(job.cipher),
        iv: *job.iv.octets(),
        message: job.message,
    }));
}

/// NIA.
pub(super) fn mac(generator: &impl Generator, iv: &Iv256, message: &[u8], length: TagLength) -> Tag {
    let (key, _) = authenticated(generator, iv);
    tag(generator, &key, message, &[], length)
}

/// NIA of many messages.
pub(super) fn mac_batch<A, G: Generator>(jobs: &mut [MacJob256<'_, A>], generator: impl Fn(&A) -> &G) {
    for jobs in jobs.chunks_mut(GROUP) {
        let mut octets = Wiped([Zeros::default(); GROUP]);
        G::apply_batch(jobs.iter().zip(&mut octets.0).map(|(job, Zeros(octets))| Job {
            generator: generator(job.algorithm),
            iv: G::mac_iv(&job.iv),
            message: octets,
        }));
        for (job, Zeros(octets)) in jobs.iter_mut().zip(&octets.0) {
            let key = mac_key(octets);
            job.tag = Some(tag(generator(job.algorithm), &key, job.message, &[], job.length));
        }
    }
}

/// NCA of the sender.
pub(super) fn seal(generator: &impl Generator, iv: &Iv256, aad: &[u8], message: &mut [u8], length: TagLength) -> Tag {
    let (key, mut stream) = authenticated(generator, iv);
    stream.apply(message);
    tag(generator, &key, aad, message, length)
}

/// NCA of the receiver.
pub(super) fn open(
    generator: &impl Generator,
    iv: &Iv256,
    aad: &[u8],
    message: &mut [u8],
    expected: &Tag,
) -> Result<(), MacMismatch> {
    let (key, mut stream) = authenticated(generator, iv);
    expect(&tag(generator, &key, aad, message, expected.length()), expected)?;
    stream.apply(message);
    Ok(())
}

/// In constant time.
pub(super) fn expect(ours: &Tag, theirs: &Tag) -> Result<(), MacMismatch> {
    if ours == theirs { Ok(()) } else { Err(MacMismatch) }
}

/// H, Q and P, and the keystream that ciphers in NCA.
fn authenticated<'a, G: Generator>(generator: &'a G, iv: &Iv256) -> (MacKey, G::Stream<'a>) {
    let mut stream = generator.stream(&G::mac_iv(iv));
    let mut octets = Wiped([0; MAC_KEY]);
    stream.apply(&mut octets.0);
    (mac_key(&octets.0), generator.after_mac_key(iv, stream))
}

/// The tag over `aad`, then `text`. A message without ciphering counts as `aad`.
fn tag(generator: &impl Generator, key: &MacKey, aad: &[u8], text: &[u8], length: TagLength) -> Tag {
    Tag::truncated(&polyval::code(generator.engine(), key, aad, text), length)
}

/// Where the H, Q and P of one message of a batch come to stand.
#[derive(Clone, Copy)]
struct Zeros([u8; MAC_KEY]);

impl Default for Zeros {
    fn default() -> Self {
        Self([0; MAC_KEY])
    }
}
