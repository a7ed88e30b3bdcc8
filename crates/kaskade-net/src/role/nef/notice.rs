//! What the NEF keeps of an application function that wants to hear of the end of its keys: a record, of which the AAnF knows the name.

use kaskade_anchor::emsk::Callback;
use kaskade_crypto::kdf::sha256;
use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::record::{Index, Kind, Protection, Record, RowError, put_text, text};
use kaskade_flow::unit::{Lane, Outgoing};
use kaskade_keys::AKid;

/// What tells apart whom to tell: application function, A-TID and realm, and the domain name in the AF_ID. 16 octets, the first ones of
/// SHA-256.
pub(super) fn notice_key(af: &str, a_kid: &AKid, fqdn: &str) -> [u8; 16] {
    let realm = a_kid.realm().to_string();
    let fqdn = fqdn.to_ascii_lowercase();
    let mut octets = Vec::from(*b"Kaskade NEF notice 1\0");
    for part in [
        af.as_bytes(),
        a_kid.a_tid().expose_in_a_kid(),
        realm.as_bytes(),
        fqdn.as_bytes(),
    ] {
        octets.extend((part.len() as u64).to_be_bytes());
        octets.extend(part);
    }
    let [key @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = sha256(&[&octets]);
    key
}

/// Whom to tell, and where. Found by [`notice_key`], and by what the AAnF calls it (index 0).
///
/// ```text
/// identifier 16 ‖ expires 8 ‖ (length 2 ‖ text) of application function, A-KID, URI
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::role) struct Notice {
    /// In the URI that the AAnF is given: random, so that nobody else can say that a key has ended.
    pub(super) id: [u8; 16],
    /// Until when there is a key, or may be.
    pub(super) expires: UnixMillis,
    /// Whom.
    pub(super) af: String,
    /// Of which A-KID.
    pub(super) a_kid: AKid,
    /// Where.
    pub(super) uri: Callback,
}

impl Record for Notice {
    const KIND: Kind = Kind::new(60, "end of keys, for an application function", 1, Protection::Coded);
    type Key = [u8; 16];

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.extend(self.id);
        clear.extend(self.expires.get().to_be_bytes());
        put_text(&self.af, clear);
        put_text(&self.a_kid.encode(), clear);
        put_text(self.uri.as_str(), clear);
    }

    fn decode(_: u8, clear: &[u8], secret: SecretReader<'_>) -> Result<Self, RowError> {
        secret.end()?;
        let (id, rest) = clear.split_first_chunk().ok_or(RowError::Length)?;
        let (expires, mut rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let af = text(&mut rest)?.to_owned();
        let a_kid = text(&mut rest)?.parse().map_err(|_| RowError::Field("A-KID"))?;
        let uri = text(&mut rest)?.parse().map_err(|_| RowError::Field("URI"))?;
        match rest.is_empty() {
            true => Ok(Self {
                id: *id,
                expires: UnixMillis::new(u64::from_be_bytes(*expires)),
                af,
                a_kid,
                uri,
            }),
            false => Err(RowError::Length),
        }
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(self.expires)
    }

    fn indexes(&self, _: &[u8; 16], put: &mut dyn FnMut(Index<'_>)) {
        put(Index::unique(0, &self.id));
    }
}

/// Where messages to application functions wait: those to one of them are delivered in their order.
pub(super) const TO_AFS: Lane = Lane {
    number: 60,
    name: "application functions of the NEF",
    version: 1,
    capacity: 100_000,
};

impl Notice {
    /// What its application function is told, until its key would have ended anyway.
    pub(super) fn message(&self) -> Outgoing {
        let (mut clear, mut body) = (Vec::new(), SecretWriter::new());
        self.encode(&mut clear, &mut body);
        body.octets(&clear);
        Outgoing::new(TO_AFS, &self.af, body).until(self.expires)
    }

    /// Reads the body of a message of [`TO_AFS`].
    ///
    /// # Errors
    /// [`RowError`] when it is none.
    pub(super) fn of_message(mut body: SecretReader<'_>) -> Result<Self, RowError> {
        let clear = body.octets()?;
        Self::decode(Self::KIND.version, &clear, body)
    }
}

#[cfg(test)]
mod tests {
    use kaskade_crypto::seal::OpenedSecrets;
    use proptest::prelude::*;

    use super::*;

    fn a_kid(octet: u8) -> AKid {
        format!(
            "rid0.atid{}A@5gc.mnc001.mcc001.3gppnetwork.org",
            char::from(octet).to_string().repeat(42)
        )
        .parse()
        .expect("an A-KID")
    }

    fn notice() -> Notice {
        Notice {
            id: [7; 16],
            expires: UnixMillis::new(1_800_000_000_000),
            af: "video".to_owned(),
            a_kid: a_kid(b'B'),
            uri: "https://video.example.com/ended?x=1".parse().expect("a URI"),
        }
    }

    #[test]
    fn a_notice_comes_back_from_its_record() {
        let (mut clear, mut secret) = (Vec::new(), SecretWriter::new());
        notice().encode(&mut clear, &mut secret);
        let read = |clear: &[u8]| Notice::decode(1, clear, OpenedSecrets::default().reader());
        assert_eq!(read(&clear), Ok(notice()));
        for cut in 0..clear.len() {
            assert!(read(&clear[..cut]).is_err(), "{cut}");
        }
        assert!(read(&[&clear[..], &[0]].concat()).is_err());
    }

    #[test]
    fn whom_to_tell_is_told_apart() {
        let key = notice_key("video", &a_kid(b'B'), "a.example.com");
        assert_eq!(key, notice_key("video", &a_kid(b'B'), "A.example.com"));
        for other in [
            notice_key("audio", &a_kid(b'B'), "a.example.com"),
            notice_key("video", &a_kid(b'C'), "a.example.com"),
            notice_key("video", &a_kid(b'B'), "b.example.com"),
        ] {
            assert_ne!(key, other);
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_notice(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Notice::decode(1, &octets, OpenedSecrets::default().reader());
        }
    }
}
