//! The audit log.

use kaskade_flow::event::{ENTRY_LEN, Entry};
use kaskade_store::audit::read_segment;

/// An entry of the audit log: what is read is written alike.
pub fn audit_entry(data: &[u8]) -> bool {
    let Ok(octets) = <&[u8; ENTRY_LEN]>::try_from(data) else {
        return false;
    };
    let entry = Entry::decode(octets);
    if let Ok(entry) = &entry {
        assert_eq!(entry.encode(), *octets);
    }
    entry.is_ok()
}

/// A segment of the audit log.
pub fn audit_segment(data: &[u8]) -> bool {
    match read_segment(data) {
        Ok(entries) => {
            assert!(
                entries <= (data.len() / ENTRY_LEN) as u64,
                "more entries than there is room for"
            );
            true
        }
        Err(wrong) => {
            assert!(!wrong.to_string().is_empty());
            false
        }
    }
}
