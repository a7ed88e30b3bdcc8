//! Packets of ERP.

use kaskade_codec::erp::{ReAuth, ReAuthStart};

/// Initiate, Finish and Re-auth-Start. RFC 6696 5.3.
pub fn erp_packet(data: &[u8]) -> bool {
    let start = ReAuthStart::read(data);
    if let Ok(start) = &start {
        assert_eq!(ReAuthStart::read(&start.emit()).as_ref(), Ok(start));
    }
    let readings = ReAuth::read(data).unwrap_or_default();
    for reading in &readings {
        let written = match reading.protection {
            Some(protection) => reading.re_auth.protect(protection.suite, |_| [7; 32]),
            None => reading.re_auth.unprotected(),
        };
        let again = ReAuth::read(&written).unwrap_or_default();
        assert!(
            again.iter().any(|again| again.re_auth == reading.re_auth),
            "was written as {written:02x?}"
        );
        let indication = reading.re_auth.items.authorization.is_some() && reading.protection.is_some();
        assert_eq!(reading.covered_by_authorization().is_some(), indication);
        assert!(ReAuth::read_head(data).is_ok());
    }
    start.is_ok() || !readings.is_empty()
}
