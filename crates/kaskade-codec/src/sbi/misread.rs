//! What is wrong with a body, and where in it.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// In which way a body is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is not a JSON object in UTF-8, or what it means depends on who reads it.
    Malformed,
    /// A required member is missing.
    Missing,
    /// A required member is wrong.
    Mandatory,
    /// An optional member is wrong.
    Optional,
}

/// Whether a member has to be there, which decides what it is when it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Has to be there.
    Mandatory,
    /// May be missing.
    Optional,
}

/// Why a body could not be read. It repeats nothing of the body: that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misread(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    what: Wrong,
    pointer: String,
    reason: Cow<'static, str>,
}

impl Misread {
    fn new(what: Wrong, reason: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            what,
            pointer: String::new(),
            reason: reason.into(),
        }))
    }

    /// The whole body is none.
    pub fn malformed(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Wrong::Malformed, reason)
    }

    /// The member itself is missing.
    pub fn missing() -> Self {
        Self::new(Wrong::Missing, "is required")
    }

    /// The member itself is wrong.
    pub fn wrong(presence: Presence, reason: impl Into<Cow<'static, str>>) -> Self {
        let what = match presence {
            Presence::Mandatory => Wrong::Mandatory,
            Presence::Optional => Wrong::Optional,
        };
        Self::new(what, reason)
    }

    /// The same, seen from the object in which it is the member of this name.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        // RFC 6901 3. No service has such a name.
        let name = name.replace('~', "~0").replace('/', "~1");
        self.0.pointer.insert_str(0, &name);
        self.0.pointer.insert(0, '/');
        self
    }

    /// In which way.
    pub fn what(&self) -> Wrong {
        self.0.what
    }

    /// Where: a JSON Pointer (RFC 6901). Empty: the whole body.
    pub fn pointer(&self) -> &str {
        &self.0.pointer
    }

    /// What was expected, and what came as far as it is no secret.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Pointer and reason.
    pub fn into_parts(self) -> (String, Cow<'static, str>) {
        (self.0.pointer, self.0.reason)
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.is_empty() {
            true => f.write_str(&self.reason),
            false => write!(f, "{}: {}", self.pointer, self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_grows_from_within() {
        let wrong = Misread::missing().within("rand").within("a/b~c");
        assert_eq!(wrong.pointer(), "/a~1b~0c/rand");
        assert_eq!(wrong.to_string(), "/a~1b~0c/rand: is required");
        assert_eq!(Misread::malformed("no object").to_string(), "no object");
    }
}
