//! Which AMF serves a subscriber: a record, and what that AMF is to be told.

use kaskade_anchor::emsk::Callback;
use kaskade_codec::sbi::NfInstanceId;
use kaskade_codec::sbi::nudm_uecm::{AmfId, DeregistrationReason, Guami, PlmnIdNid, RatType};
use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::record::{Kind, Protection, Record, RowError, put_text, text};
use kaskade_flow::unit::{Lane, Outgoing};
use kaskade_keys::{Plmn, Supi};

/// An AMF serves a subscriber over 3GPP access.
///
/// ```text
/// since 8 ‖ PLMN 3 ‖ AMF identifier 3 ‖ (length 2 ‖ text) of NID, AMF instance, RAT type, name of the AMF, two callbacks
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::role) struct ServingAmf {
    /// Since when.
    pub(super) since: UnixMillis,
    /// Which AMF.
    pub(super) amf: NfInstanceId,
    /// What devices call it.
    pub(super) guami: Guami,
    /// Over which radio.
    pub(super) rat_type: RatType,
    /// What the configuration calls it; empty: nothing, and it is told nowhere.
    pub(super) name: String,
    /// Where it hears that it serves the subscriber no more.
    pub(super) deregistration: Callback,
    /// Where it hears that the subscriber is to be authenticated again.
    pub(super) reauthentication: Option<Callback>,
}

fn parsed<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<T, RowError> {
    text.parse().map_err(|_| RowError::Field(field))
}

impl Record for ServingAmf {
    const KIND: Kind = Kind::new(71, "AMF that serves a subscriber", 1, Protection::Coded);
    type Key = Supi;

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.extend(self.since.get().to_be_bytes());
        clear.extend(self.guami.network.plmn.nas_octets());
        clear.extend(self.guami.amf_id.0);
        put_text(self.guami.network.nid.as_ref().map_or("", |nid| nid.as_str()), clear);
        put_text(self.amf.text().as_str(), clear);
        put_text(self.rat_type.as_str(), clear);
        put_text(&self.name, clear);
        put_text(self.deregistration.as_str(), clear);
        put_text(self.reauthentication.as_ref().map_or("", Callback::as_str), clear);
    }

    fn decode(_: u8, clear: &[u8], secret: SecretReader<'_>) -> Result<Self, RowError> {
        secret.end()?;
        let (since, rest) = clear.split_first_chunk().ok_or(RowError::Length)?;
        let (plmn, rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let (amf_id, mut rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let nid = match text(&mut rest)? {
            "" => None,
            nid => Some(parsed(nid, "NID")?),
        };
        let network = PlmnIdNid {
            plmn: Plmn::from_nas_octets(*plmn).map_err(|_| RowError::Field("PLMN"))?,
            nid,
        };
        let record = Self {
            since: UnixMillis::new(u64::from_be_bytes(*since)),
            guami: Guami {
                network,
                amf_id: AmfId(*amf_id),
            },
            amf: parsed(text(&mut rest)?, "AMF")?,
            rat_type: parsed(text(&mut rest)?, "RAT type")?,
            name: text(&mut rest)?.to_owned(),
            deregistration: parsed(text(&mut rest)?, "callback")?,
            reauthentication: match text(&mut rest)? {
                "" => None,
                callback => Some(parsed(callback, "callback")?),
            },
        };
        match rest.is_empty() {
            true => Ok(record),
            false => Err(RowError::Length),
        }
    }
}

/// Where messages to AMFs wait: one of each subscriber at most, beside one that is being delivered.
pub(super) const TO_AMFS: Lane = Lane {
    number: 71,
    name: "re-authentications to AMFs",
    version: 1,
    capacity: 1_000_000,
};

/// An AMF is to authenticate a subscriber again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) supi: Supi,
    /// What the configuration calls the AMF.
    pub(super) name: String,
    pub(super) callback: Callback,
}

impl Again {
    /// Its message, which is worth nothing from then on and takes the place of an earlier one.
    pub(super) fn outgoing(&self, until: UnixMillis) -> Outgoing {
        let mut body = SecretWriter::new();
        for part in [self.supi.sbi().as_str(), &self.name, self.callback.as_str()] {
            body.octets(part.as_bytes());
        }
        Outgoing::new(TO_AMFS, &self.supi, body).superseding().until(until)
    }

    /// Reads the body of a message of [`TO_AMFS`].
    pub(super) fn read(body: SecretReader<'_>) -> Result<Self, RowError> {
        let [supi, name, callback] = texts(body)?;
        Ok(Self {
            supi: parsed(&supi, "SUPI")?,
            name,
            callback: parsed(&callback, "callback")?,
        })
    }
}

/// Where messages wait to AMFs that serve a subscriber no more. An AMF that serves it again hears nothing of what was before.
pub(super) const TO_FORMER_AMFS: Lane = Lane {
    number: 72,
    name: "deregistrations to AMFs",
    version: 1,
    capacity: 1_000_000,
};

/// An AMF serves a subscriber no more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deregistration {
    pub(super) supi: Supi,
    /// What the configuration calls the AMF.
    pub(super) name: String,
    pub(super) callback: Callback,
    pub(super) reason: DeregistrationReason,
}

impl Deregistration {
    /// To the AMF of a record; `None` where it is told nowhere.
    pub(super) fn of(supi: &Supi, amf: &ServingAmf, reason: DeregistrationReason) -> Option<Self> {
        (!amf.name.is_empty()).then(|| Self {
            supi: supi.clone(),
            name: amf.name.clone(),
            callback: amf.deregistration.clone(),
            reason,
        })
    }

    fn body(&self) -> SecretWriter {
        let mut body = SecretWriter::new();
        for part in [
            self.supi.sbi().as_str(),
            &self.name,
            self.callback.as_str(),
            self.reason.name(),
        ] {
            body.octets(part.as_bytes());
        }
        body
    }

    /// Its message to that AMF, which is worth nothing from then on and takes the place of an earlier one to it.
    pub(super) fn outgoing(&self, amf: NfInstanceId, until: UnixMillis) -> Outgoing {
        let order = (self.supi.clone(), amf.text().as_str().as_bytes().to_vec());
        Outgoing::new(TO_FORMER_AMFS, &order, self.body())
            .superseding()
            .until(until)
    }

    /// Reads the body of a message of [`TO_FORMER_AMFS`].
    pub(super) fn read(body: SecretReader<'_>) -> Result<Self, RowError> {
        let [supi, name, callback, reason] = texts(body)?;
        Ok(Self {
            supi: parsed(&supi, "SUPI")?,
            name,
            callback: parsed(&callback, "callback")?,
            reason: parsed(&reason, "reason")?,
        })
    }
}

/// The texts of a message, which are all of it.
fn texts<const N: usize>(mut body: SecretReader<'_>) -> Result<[String; N], RowError> {
    let mut texts = [const { String::new() }; N];
    for text in &mut texts {
        let octets = body.octets()?;
        let read = std::str::from_utf8(&octets).map_err(|_| RowError::Field("text"))?;
        read.clone_into(text);
    }
    body.end()?;
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use kaskade_crypto::seal::OpenedSecrets;

    use super::*;

    fn serving(nid: Option<&str>, again: Option<&str>) -> ServingAmf {
        ServingAmf {
            since: UnixMillis::new(1_700_000_000_123),
            amf: NfInstanceId::from_random([7; 16]),
            guami: Guami {
                network: PlmnIdNid {
                    plmn: "310-410".parse().unwrap(),
                    nid: nid.map(|nid| nid.parse().unwrap()),
                },
                amf_id: AmfId([2, 0, 0x40]),
            },
            rat_type: "NR".parse().unwrap(),
            name: "amf.example.org".to_owned(),
            deregistration: "https://amf.example.org/gone".parse().unwrap(),
            reauthentication: again.map(|again| again.parse().unwrap()),
        }
    }

    #[test]
    fn a_record_reads_back_and_garbage_does_not() {
        let nothing = OpenedSecrets::default;
        for record in [
            serving(None, None),
            serving(Some("0000000000A"), Some("https://amf.example.org/again")),
        ] {
            let (mut clear, mut secret) = (Vec::new(), SecretWriter::new());
            record.encode(&mut clear, &mut secret);
            assert!(secret.is_empty());
            assert_eq!(ServingAmf::decode(1, &clear, nothing().reader()), Ok(record));
            for cut in 0..clear.len() {
                assert!(
                    ServingAmf::decode(1, &clear[..cut], nothing().reader()).is_err(),
                    "{cut}"
                );
            }
            clear.push(0);
            assert!(ServingAmf::decode(1, &clear, nothing().reader()).is_err());
        }
    }
}
