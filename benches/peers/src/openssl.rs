//! OpenSSL 3: AES-CTR and AES-CMAC through EVP, with contexts that keep their key.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;

#[repr(C)]
struct RawCtr {
    _opaque: [u8; 0],
}

#[repr(C)]
struct RawCmac {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn peer_openssl_version() -> *const c_char;
    fn peer_openssl_ctr_new(key: *const u8, octets: usize) -> *mut RawCtr;
    fn peer_openssl_ctr_free(context: *mut RawCtr);
    fn peer_openssl_ctr(context: *mut RawCtr, iv: *const u8, message: *mut u8, octets: c_int) -> c_int;
    fn peer_openssl_cmac_new(key: *const u8) -> *mut RawCmac;
    fn peer_openssl_cmac_free(context: *mut RawCmac);
    fn peer_openssl_cmac(context: *mut RawCmac, message: *const u8, octets: usize, tag: *mut u8) -> c_int;
}

/// `3.0.17`.
pub fn version() -> &'static str {
    // SAFETY: a constant text of the library.
    unsafe { CStr::from_ptr(peer_openssl_version()) }
        .to_str()
        .expect("ASCII")
}

/// AES in counter mode.
#[derive(Debug)]
pub struct Ctr(NonNull<RawCtr>);

impl Ctr {
    /// AES-128.
    pub fn aes_128(key: &[u8; 16]) -> Self {
        Self::new(key)
    }

    /// AES-256.
    pub fn aes_256(key: &[u8; 32]) -> Self {
        Self::new(key)
    }

    fn new(key: &[u8]) -> Self {
        // SAFETY: the key has the octets that are told, 16 or 32.
        let context = unsafe { peer_openssl_ctr_new(key.as_ptr(), key.len()) };
        Self(NonNull::new(context).expect("OpenSSL gives a context"))
    }

    /// Ciphers in place; `block` is the first counter block.
    #[inline]
    pub fn apply(&mut self, block: &[u8; 16], message: &mut [u8]) {
        let octets = c_int::try_from(message.len()).expect("a short message");
        // SAFETY: the context lives, the block has 16 octets and the message those that are told.
        let done = unsafe { peer_openssl_ctr(self.0.as_ptr(), block.as_ptr(), message.as_mut_ptr(), octets) };
        assert_eq!(done, 1);
    }
}

impl Drop for Ctr {
    fn drop(&mut self) {
        // SAFETY: it came from `peer_openssl_ctr_new` and is not used again.
        unsafe { peer_openssl_ctr_free(self.0.as_ptr()) }
    }
}

/// AES-128 in CMAC mode.
#[derive(Debug)]
pub struct Cmac(NonNull<RawCmac>);

impl Cmac {
    /// A context with its key.
    pub fn new(key: &[u8; 16]) -> Self {
        // SAFETY: 16 octets are read.
        let context = unsafe { peer_openssl_cmac_new(key.as_ptr()) };
        Self(NonNull::new(context).expect("OpenSSL gives a context"))
    }

    /// The whole code of 16 octets.
    #[inline]
    pub fn mac(&mut self, message: &[u8]) -> [u8; 16] {
        let mut tag = [0; 16];
        // SAFETY: the context lives, the message has the octets that are told, and the code is of 16 octets.
        let done = unsafe { peer_openssl_cmac(self.0.as_ptr(), message.as_ptr(), message.len(), tag.as_mut_ptr()) };
        assert_eq!(done, 1);
        tag
    }
}

impl Drop for Cmac {
    fn drop(&mut self) {
        // SAFETY: it came from `peer_openssl_cmac_new` and is not used again.
        unsafe { peer_openssl_cmac_free(self.0.as_ptr()) }
    }
}
