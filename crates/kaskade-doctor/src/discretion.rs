//! What may be a secret by its looks, and messages without it.

/// Whether a piece of text may be a key or an identity: it has more than 12 hexadecimal digits, as K, OPc and SUPIs do.
pub fn may_be_secret(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_hexdigit).count() > 12
}

/// Whether a message may repeat what somebody wrote: at most 12 letters, digits, `-`, `_` and `.`, which no key fits into,
/// however it is written.
pub fn may_be_said(text: &str) -> bool {
    let harmless = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    (1..=12).contains(&text.len()) && text.bytes().all(harmless)
}

/// What somebody wrote, in quotation marks, unless it may be a secret.
pub fn shown(text: &str) -> String {
    match may_be_said(text) {
        true => format!("{text:?}"),
        false => "this (not shown: it may be a secret)".into(),
    }
}

/// A message without runs of more than 20 hexadecimal digits: a key that was given where the name of a file or of anything
/// else is expected. Identifiers of keys have 16 digits, numbers of 64 bits at most 20.
pub fn without_keys(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, run) = rest.split_at(at);
        let end = run.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        shown.push_str(before);
        shown.push_str(if run.len() > 20 { "…" } else { run });
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_among_words_is_left_out() {
        for (message, shown) in [
            (
                "k from 465b5ce8b199b49faa5f0a2ee238a6bc: not found",
                "k from …: not found",
            ),
            ("465B5CE8B199B49FAA5F0x", "…x"),
            ("18446744073709551615 is too much", "18446744073709551615 is too much"),
            ("key 0123456789abcdef, ä", "key 0123456789abcdef, ä"),
            ("…abc", "…abc"),
            ("", ""),
        ] {
            assert_eq!(without_keys(message), shown);
        }
    }

    #[test]
    fn a_value_is_not_repeated() {
        assert_eq!(shown("K_gNB"), "\"K_gNB\"");
        assert!(!shown("465b5ce8b199b49faa5f0a2ee238a6bc").contains("465b"));
        for secret in [
            "Rltc6LGZtJ+qXwou4jimvA==",
            "Rltc6LGZtJ-qXwou4jimvA",
            "46 5b 5c e8",
            "",
            "ä",
        ] {
            assert_eq!(shown(secret), "this (not shown: it may be a secret)");
        }
        assert!(may_be_secret("imsi-001010000000001") && !may_be_secret("uplink-nas-count"));
    }
}
