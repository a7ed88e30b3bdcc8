//! Intel ipsec-mb 1.x: one message by its direct functions, many by its direct functions or by its manager.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use kaskade_crypto::cipher::MessageInput;

use crate::{Aligned16, Message, header};

#[repr(C)]
struct RawManager {
    _opaque: [u8; 0],
}

#[repr(C)]
struct RawKey {
    _opaque: [u8; 0],
}

/// `struct peer_job` of the shim.
#[repr(C)]
struct Job {
    key: *const RawKey,
    iv: *const u8,
    source: *const u8,
    target: *mut u8,
    length: u64,
    tag: *mut u8,
}

type Jobs = unsafe extern "C" fn(*mut RawManager, *const Job, u32) -> u32;

unsafe extern "C" {
    fn peer_manager_new() -> *mut RawManager;
    fn peer_manager_free(manager: *mut RawManager);
    fn peer_version() -> *const c_char;
    fn peer_architecture(manager: *const RawManager) -> *const c_char;
    fn peer_key_new(manager: *mut RawManager, octets: *const u8) -> *mut RawKey;
    fn peer_key_free(key: *mut RawKey);
    fn peer_snow3g_key(key: *const RawKey) -> *const c_void;
    fn peer_zuc_key(key: *const RawKey) -> *const c_void;
    fn peer_snow3g_f8_iv(count: u32, bearer: u8, direction: u8, iv: *mut u8) -> c_int;
    fn peer_snow3g_f9_iv(count: u32, fresh: u32, direction: u8, iv: *mut u8) -> c_int;
    fn peer_zuc_eea3_iv(count: u32, bearer: u8, direction: u8, iv: *mut u8) -> c_int;
    fn peer_zuc_eia3_iv(count: u32, bearer: u8, direction: u8, iv: *mut u8) -> c_int;
    fn peer_snow3g_f8_1(m: *mut RawManager, key: *const RawKey, iv: *const u8, message: *mut u8, octets: u32);
    fn peer_snow3g_f8_1_bits(m: *mut RawManager, key: *const RawKey, iv: *const u8, message: *mut u8, bits: u32);
    fn peer_snow3g_f8_n(
        m: *mut RawManager,
        keys: *const *const c_void,
        ivs: *const *const c_void,
        messages: *mut *mut c_void,
        octets: *const u32,
        count: u32,
    );
    fn peer_snow3g_f9_1(
        m: *mut RawManager,
        key: *const RawKey,
        iv: *const u8,
        message: *const u8,
        bits: u64,
        tag: *mut u8,
    );
    fn peer_zuc_eea3_1(m: *mut RawManager, key: *const RawKey, iv: *const u8, message: *mut u8, octets: u32);
    fn peer_zuc_eea3_n(
        m: *mut RawManager,
        keys: *const *const c_void,
        ivs: *const *const c_void,
        messages: *mut *mut c_void,
        octets: *const u32,
        count: u32,
    );
    fn peer_zuc_eia3_1(
        m: *mut RawManager,
        key: *const RawKey,
        iv: *const u8,
        message: *const u8,
        bits: u32,
        tag: *mut u32,
    );
    fn peer_zuc_eia3_n(
        m: *mut RawManager,
        keys: *const *const c_void,
        ivs: *const *const c_void,
        messages: *const *const c_void,
        bits: *const u32,
        tags: *mut *mut u32,
        count: u32,
    );
    fn peer_jobs_checked(m: *mut RawManager, algorithm: c_int, jobs: *const Job, count: u32) -> u32;
    fn peer_jobs_snow3g_uea2(m: *mut RawManager, jobs: *const Job, count: u32) -> u32;
    fn peer_jobs_snow3g_uia2(m: *mut RawManager, jobs: *const Job, count: u32) -> u32;
    fn peer_jobs_aes_ctr(m: *mut RawManager, jobs: *const Job, count: u32) -> u32;
    fn peer_jobs_aes_cmac(m: *mut RawManager, jobs: *const Job, count: u32) -> u32;
    fn peer_jobs_zuc_eea3(m: *mut RawManager, jobs: *const Job, count: u32) -> u32;
    fn peer_jobs_zuc_eia3(m: *mut RawManager, jobs: *const Job, count: u32) -> u32;
}

/// The 128-bit algorithms, under the names of 5GS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "3GPP's names")]
pub enum Algorithm {
    Nea1,
    Nia1,
    Nea2,
    Nia2,
    Nea3,
    Nia3,
}

impl Algorithm {
    /// Whether it makes codes; the others cipher.
    pub const fn is_mac(self) -> bool {
        matches!(self, Self::Nia1 | Self::Nia2 | Self::Nia3)
    }

    /// The initialisation vector: as the library itself makes it for SNOW 3G and ZUC.
    pub fn iv(self, input: &MessageInput) -> Aligned16 {
        let MessageInput {
            count,
            bearer,
            direction,
        } = *input;
        let (bearer, direction, mut iv) = (bearer.value(), direction.bit(), Aligned16::default());
        let place = iv.0.as_mut_ptr();
        // SAFETY: the generators write 16 octets to their last argument, which has as many.
        let refused = unsafe {
            match self {
                Self::Nea1 => peer_snow3g_f8_iv(count, bearer, direction, place),
                // FRESH of UIA2 is BEARER in its 5 most significant bits: TS 33.401 B.2.2.
                Self::Nia1 => peer_snow3g_f9_iv(count, u32::from(bearer) << 27, direction, place),
                Self::Nea3 => peer_zuc_eea3_iv(count, bearer, direction, place),
                Self::Nia3 => peer_zuc_eia3_iv(count, bearer, direction, place),
                Self::Nea2 => {
                    iv.0[..8].copy_from_slice(&header(input));
                    0
                }
                Self::Nia2 => 0,
            }
        };
        assert_eq!(refused, 0, "{self:?} refuses {input:?}");
        iv
    }

    /// The message as this algorithm takes it: NIA2's starts with COUNT, BEARER and DIRECTION.
    pub fn message(self, input: &MessageInput, octets: &[u8], bits: usize) -> Message {
        match self {
            Self::Nia2 => Message::new(self.iv(input), &[&header(input), octets], bits + 64),
            _ => Message::new(self.iv(input), &[octets], bits),
        }
    }

    /// The IV of UIA2 with a FRESH of 32 bits, as UMTS has it.
    pub fn uia2_iv(count: u32, fresh: u32, direction: u8) -> Aligned16 {
        let mut iv = Aligned16::default();
        // SAFETY: 16 octets are written, and there are as many.
        let refused = unsafe { peer_snow3g_f9_iv(count, fresh, direction, iv.0.as_mut_ptr()) };
        assert_eq!(refused, 0);
        iv
    }

    /// The manager's algorithm for whole octets and its function; lengths are in bits where the second is `true`.
    fn managed(self) -> (Jobs, bool) {
        match self {
            Self::Nea1 => (peer_jobs_snow3g_uea2, true),
            Self::Nia1 => (peer_jobs_snow3g_uia2, true),
            Self::Nea2 => (peer_jobs_aes_ctr, false),
            Self::Nia2 => (peer_jobs_aes_cmac, false),
            Self::Nea3 => (peer_jobs_zuc_eea3, false),
            Self::Nia3 => (peer_jobs_zuc_eia3, true),
        }
    }

    /// The number of the manager's algorithm that takes lengths in bits (`enum peer_algorithm` of the shim); `None` where
    /// there are whole octets only.
    fn managed_bits(self) -> Option<c_int> {
        match self {
            Self::Nea1 => Some(0),
            Self::Nia1 => Some(1),
            Self::Nea2 => Some(3),
            Self::Nia2 => Some(5),
            Self::Nea3 => None,
            Self::Nia3 => Some(7),
        }
    }
}

/// The library's state: of one thread.
#[derive(Debug)]
pub struct Manager(NonNull<RawManager>);

impl Manager {
    /// The fastest code of this processor.
    pub fn new() -> Self {
        // SAFETY: no preconditions.
        let manager = unsafe { peer_manager_new() };
        Self(NonNull::new(manager).expect("ipsec-mb gives a manager"))
    }

    /// `v1.3.0`.
    pub fn version() -> &'static str {
        // SAFETY: a constant text of the library.
        unsafe { CStr::from_ptr(peer_version()) }.to_str().expect("ASCII")
    }

    /// The instructions that it found.
    pub fn architecture(&self) -> &'static str {
        // SAFETY: the manager lives; the answer is a constant text.
        unsafe { CStr::from_ptr(peer_architecture(self.0.as_ptr())) }
            .to_str()
            .expect("ASCII")
    }

    /// Prepares a key for every algorithm.
    pub fn key(&self, octets: &[u8; 16]) -> Key {
        // SAFETY: the manager lives, and 16 octets are read.
        let key = unsafe { peer_key_new(self.0.as_ptr(), octets.as_ptr()) };
        Key(NonNull::new(key).expect("memory for a key"))
    }

    /// One message of whole octets: by the direct function for one buffer, by the manager where there is none (AES).
    #[inline]
    pub fn one(&self, algorithm: Algorithm, key: &Key, message: &mut Message) {
        let (manager, key) = (self.0.as_ptr(), key.0.as_ptr());
        let iv = message.iv.0.as_ptr();
        let (octets, bits) = (length(message.octets.len()), length(message.bits));
        let (octets_place, tag) = (message.octets.as_mut_ptr(), message.mac.0.as_mut_ptr());
        // SAFETY: manager and key live. The functions read 16 octets at `iv`, read and write the message's octets, whose
        // number they are told, and write 4 octets at `tag`, which has 16 and is aligned to them.
        unsafe {
            match algorithm {
                Algorithm::Nea1 => peer_snow3g_f8_1(manager, key, iv, octets_place, octets),
                Algorithm::Nia1 => peer_snow3g_f9_1(manager, key, iv, octets_place, u64::from(bits), tag),
                Algorithm::Nea3 => peer_zuc_eea3_1(manager, key, iv, octets_place, octets),
                Algorithm::Nia3 => peer_zuc_eia3_1(manager, key, iv, octets_place, bits, tag.cast()),
                Algorithm::Nea2 | Algorithm::Nia2 => {
                    let job = Job {
                        key,
                        iv,
                        source: octets_place,
                        target: octets_place,
                        length: u64::from(octets),
                        tag,
                    };
                    let finished = algorithm.managed().0(manager, &raw const job, 1);
                    assert_eq!(finished, 1, "{algorithm:?}");
                }
            }
        }
    }

    /// One message with a length in bits. The bits behind the last are the library's business. ZUC's cipher knows whole
    /// octets only and does as many as hold the bits.
    pub fn one_bits(&self, algorithm: Algorithm, key: &Key, message: &mut Message) {
        match algorithm {
            Algorithm::Nea1 => {
                let (iv, bits) = (message.iv.0.as_ptr(), length(message.bits));
                // SAFETY: as in `one`; the message has at least `bits` bits.
                unsafe {
                    peer_snow3g_f8_1_bits(self.0.as_ptr(), key.0.as_ptr(), iv, message.octets.as_mut_ptr(), bits);
                }
            }
            Algorithm::Nia1 | Algorithm::Nea3 | Algorithm::Nia3 => self.one(algorithm, key, message),
            Algorithm::Nea2 | Algorithm::Nia2 => {
                let done = Batch::new(algorithm, &[key], std::slice::from_mut(message)).managed_bits(self);
                assert!(done, "{algorithm:?}");
            }
        }
    }
}

impl Default for Manager {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // SAFETY: it came from `peer_manager_new` and is not used again.
        unsafe { peer_manager_free(self.0.as_ptr()) }
    }
}

/// A key, prepared for every algorithm.
#[derive(Debug)]
pub struct Key(NonNull<RawKey>);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: it came from `peer_key_new` and is not used again.
        unsafe { peer_key_free(self.0.as_ptr()) }
    }
}

/// How many messages the direct functions take at once.
pub const MAX_SIDE_BY_SIDE: usize = 16;

/// Messages as the library takes many: arrays of pointers, made once and used for any number of calls.
pub struct Batch<'a> {
    algorithm: Algorithm,
    keys: Vec<*const c_void>,
    ivs: Vec<*const c_void>,
    messages: Vec<*mut c_void>,
    octets: Vec<u32>,
    bits: Vec<u32>,
    tags: Vec<*mut u32>,
    jobs: Vec<Job>,
    _messages: PhantomData<&'a mut [Message]>,
}

impl<'a> Batch<'a> {
    /// The messages with the key of each.
    pub fn new(algorithm: Algorithm, keys: &[&'a Key], messages: &'a mut [Message]) -> Self {
        assert_eq!(keys.len(), messages.len());
        let in_bits = algorithm.managed().1;
        let mut batch = Self {
            algorithm,
            keys: Vec::new(),
            ivs: Vec::new(),
            messages: Vec::new(),
            octets: Vec::new(),
            bits: Vec::new(),
            tags: Vec::new(),
            jobs: Vec::new(),
            _messages: PhantomData,
        };
        for (key, message) in keys.iter().zip(messages) {
            let key = key.0.as_ptr().cast_const();
            let (iv, octets, tag) = (
                message.iv.0.as_ptr(),
                message.octets.as_mut_ptr(),
                message.mac.0.as_mut_ptr(),
            );
            // SAFETY: both give the address of a field of the key, which lives.
            batch.keys.push(unsafe {
                if matches!(algorithm, Algorithm::Nea1 | Algorithm::Nia1) {
                    peer_snow3g_key(key)
                } else {
                    peer_zuc_key(key)
                }
            });
            batch.ivs.push(iv.cast());
            batch.messages.push(octets.cast());
            batch.octets.push(length(message.octets.len()));
            batch.bits.push(length(message.bits));
            batch.tags.push(tag.cast());
            batch.jobs.push(Job {
                key,
                iv,
                source: octets,
                target: octets,
                length: u64::from(length(if in_bits { message.bits } else { message.octets.len() })),
                tag,
            });
        }
        batch
    }

    /// All messages, at most [`MAX_SIDE_BY_SIDE`], by the direct function for many buffers; `false` where the library has none (NIA1, AES).
    #[inline]
    pub fn side_by_side(&mut self, manager: &Manager) -> bool {
        let (manager, count) = (manager.0.as_ptr(), length(self.jobs.len()));
        let (keys, ivs) = (self.keys.as_ptr(), self.ivs.as_ptr());
        let (messages, octets) = (self.messages.as_mut_ptr(), self.octets.as_ptr());
        assert!(self.jobs.len() <= MAX_SIDE_BY_SIDE);
        // SAFETY: every array has `count` elements; keys and messages outlive the batch, which borrows them. Tags have 16
        // octets each, aligned to them.
        unsafe {
            match self.algorithm {
                Algorithm::Nea1 => peer_snow3g_f8_n(manager, keys, ivs, messages, octets, count),
                Algorithm::Nea3 => peer_zuc_eea3_n(manager, keys, ivs, messages, octets, count),
                Algorithm::Nia3 => {
                    let (messages, bits) = (messages.cast_const().cast(), self.bits.as_ptr());
                    peer_zuc_eia3_n(manager, keys, ivs, messages, bits, self.tags.as_mut_ptr(), count);
                }
                Algorithm::Nia1 | Algorithm::Nea2 | Algorithm::Nia2 => return false,
            }
        }
        true
    }

    /// All messages, whole octets, by the manager, without its checks of the arguments.
    #[inline]
    pub fn managed(&mut self, manager: &Manager) {
        let count = length(self.jobs.len());
        // SAFETY: there are `count` jobs; what they point to outlives the batch, which borrows it.
        let finished = unsafe { self.algorithm.managed().0(manager.0.as_ptr(), self.jobs.as_ptr(), count) };
        assert_eq!(finished, count, "{:?}", self.algorithm);
    }

    /// All messages, lengths in bits, by the manager with its checks; `false` where it has whole octets only (NEA3).
    pub fn managed_bits(&mut self, manager: &Manager) -> bool {
        let Some(algorithm) = self.algorithm.managed_bits() else {
            return false;
        };
        for (job, bits) in self.jobs.iter_mut().zip(&self.bits) {
            job.length = u64::from(*bits);
        }
        let count = length(self.jobs.len());
        // SAFETY: as in `managed`.
        let finished = unsafe { peer_jobs_checked(manager.0.as_ptr(), algorithm, self.jobs.as_ptr(), count) };
        assert_eq!(finished, count, "{:?}", self.algorithm);
        let in_bits = self.algorithm.managed().1;
        for (job, octets) in self.jobs.iter_mut().zip(&self.octets) {
            if !in_bits {
                job.length = u64::from(*octets);
            }
        }
        true
    }
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("a short message")
}
