//! Messages of a batch.

use super::input::Iv256;
use super::tag::{Tag, TagLength};

/// One message of a batch to cipher or decipher in place.
#[derive(Debug)]
pub struct CipherJob256<'a, A> {
    /// The algorithm with its key.
    pub cipher: &'a A,
    /// The IV.
    pub iv: Iv256,
    /// The message.
    pub message: &'a mut [u8],
}

/// One message of a batch to authenticate; the batch writes `tag`.
#[derive(Debug)]
pub struct MacJob256<'a, A> {
    /// The algorithm with its key.
    pub algorithm: &'a A,
    /// The IV.
    pub iv: Iv256,
    /// The message.
    pub message: &'a [u8],
    /// How long the tag is to be.
    pub length: TagLength,
    /// The tag: what the batch computes, `None` before.
    pub tag: Option<Tag>,
}
