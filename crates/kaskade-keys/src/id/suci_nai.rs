//! The NAI form of a SUCI (TS 23.003 28.7.3).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::suci::{hex, push_hex};
use super::{HnKeyId, ParseError, Plmn, ProtectionScheme, RoutingIndicator, SchemeOutput, Suci, SuciHome};

const FORM: ParseError = ParseError::Form {
    field: "SUCI in NAI form",
    expected: "type<t>.rid<ri>.schid<s>.(userid<…> | hnkey<id>.(ecckey<hex>.cip<hex>.mac<hex> | out<hex>))@<realm>",
};

/// The MAC tag ends both ECIES profiles (TS 33.501 Annex C.3.4).
const MAC_TAG: usize = 8;

impl Suci {
    /// The NAI form, `type0.rid0.schid0.userid…@5gc.mnc001.mcc001.3gppnetwork.org`.
    pub fn nai(&self) -> String {
        let mut text = String::new();
        let scheme = self.output.scheme().id();
        let _ = write!(
            text,
            "type{}.rid{}.schid{scheme:x}.",
            self.home.supi_type(),
            self.routing_indicator
        );
        match &self.output {
            SchemeOutput::Null(clear) => {
                text.push_str("userid");
                text.push_str(clear);
            }
            SchemeOutput::ProfileA(octets) => self.push_ecies(&mut text, octets, 32),
            SchemeOutput::ProfileB(octets) => self.push_ecies(&mut text, octets, 33),
            SchemeOutput::Other(_, octets) => self.push_out(&mut text, octets),
        }
        text.push('@');
        match &self.home {
            SuciHome::Imsi(plmn) => {
                let mnc = plmn.mnc_3_digits();
                let mnc = core::str::from_utf8(&mnc).unwrap_or("");
                let _ = write!(text, "5gc.mnc{mnc}.mcc{}.3gppnetwork.org", plmn.mcc());
            }
            SuciHome::NetworkSpecific(realm) | SuciHome::GlobalLine(realm) | SuciHome::GlobalCable(realm) => {
                text.push_str(realm);
            }
        }
        text
    }

    fn push_ecies(&self, text: &mut String, octets: &[u8], key_len: usize) {
        let split = octets
            .split_at_checked(key_len)
            .and_then(|(key, rest)| Some((key, rest.split_at_checked(rest.len().checked_sub(MAC_TAG)?)?)));
        let Some((key, (cipher, tag))) = split else {
            // Too short for the profile: kept as it came, for the SIDF to refuse.
            return self.push_out(text, octets);
        };
        let _ = write!(text, "hnkey{}.ecckey", self.hn_key_id.0);
        push_hex(text, key);
        text.push_str(".cip");
        push_hex(text, cipher);
        text.push_str(".mac");
        push_hex(text, tag);
    }

    fn push_out(&self, text: &mut String, octets: &[u8]) {
        let _ = write!(text, "hnkey{}.out", self.hn_key_id.0);
        push_hex(text, octets);
    }

    /// Reads the NAI form.
    ///
    /// The realm of an IMSI-type SUCI always has a 3-digit MNC: `mnc001` gives the MNC `01` as `001`, unless ten
    /// MSIN digits in clear tell that it has two. The caller that knows its own PLMN compares with
    /// [`Plmn::mnc_3_digits`].
    ///
    /// # Errors
    /// [`ParseError`] that names the field.
    pub fn from_nai(text: &str) -> Result<Self, ParseError> {
        let (username, realm) = text.rsplit_once('@').ok_or(FORM)?;
        let (supi_type, rest) = field(username, "type")?;
        let (ri, rest) = field(rest, "rid")?;
        let (scheme, rest) = field(rest, "schid")?;
        let home = match supi_type {
            "0" => imsi_home(realm)?,
            "1" | "2" | "3" => SuciHome::with_realm(supi_type.parse().map_err(|_| FORM)?, realm)?,
            _ => return Err(FORM),
        };
        let ri: RoutingIndicator = ri.parse()?;
        let [scheme] = *scheme.as_bytes() else { return Err(FORM) };
        let scheme = char::from(scheme)
            .to_digit(16)
            .and_then(|id| u8::try_from(id).ok())
            .ok_or(FORM)?;
        let scheme = ProtectionScheme::from_id(scheme)?;
        if scheme == ProtectionScheme::Null {
            let clear = rest.strip_prefix("userid").ok_or(FORM)?;
            let home = match home {
                SuciHome::Imsi(plmn) => SuciHome::Imsi(without_padding(plmn, clear)),
                home => home,
            };
            return Self::new(home, ri, HnKeyId(0), SchemeOutput::Null(clear.into()));
        }
        let (key_id, rest) = field(rest, "hnkey")?;
        let hn_key_id = HnKeyId(key_id.parse().map_err(|_| FORM)?);
        let octets = if let Some(out) = rest.strip_prefix("out") {
            hex(out)?
        } else {
            let (key, rest) = field(rest, "ecckey")?;
            let (cipher, rest) = field(rest, "cip")?;
            let tag = rest.strip_prefix("mac").ok_or(FORM)?;
            let key_len = match scheme {
                ProtectionScheme::ProfileA => 32,
                ProtectionScheme::ProfileB => 33,
                _ => return Err(FORM),
            };
            let (key, tag) = (hex(key)?, hex(tag)?);
            if key.len() != key_len || tag.len() != MAC_TAG {
                return Err(FORM);
            }
            let mut octets: Vec<u8> = key;
            octets.extend(hex(cipher)?);
            octets.extend(tag);
            octets
        };
        Self::new(home, ri, hn_key_id, SchemeOutput::concealed(scheme, octets)?)
    }
}

/// The home network of a subscriber with this MSIN. A realm has three digits of MNC; ten of an MSIN leave room for two in an IMSI, so
/// that a leading 0 is padding.
pub(super) fn without_padding(plmn: Plmn, msin: &str) -> Plmn {
    let shorter = plmn.mnc().strip_prefix('0').filter(|_| msin.len() == 10);
    shorter.and_then(|mnc| Plmn::new(plmn.mcc(), mnc).ok()).unwrap_or(plmn)
}

/// Takes `<name><value>.` from the front.
fn field<'t>(text: &'t str, name: &str) -> Result<(&'t str, &'t str), ParseError> {
    text.strip_prefix(name)
        .and_then(|rest| rest.split_once('.'))
        .ok_or(FORM)
}

fn imsi_home(realm: &str) -> Result<SuciHome, ParseError> {
    const REALM: ParseError = ParseError::Form {
        field: "realm of the SUCI",
        expected: "5gc.mnc<3 digits>.mcc<3 digits>.3gppnetwork.org",
    };
    let rest = realm.strip_prefix("5gc.mnc").ok_or(REALM)?;
    let (mnc, rest) = rest.split_once(".mcc").ok_or(REALM)?;
    let mcc = rest.strip_suffix(".3gppnetwork.org").ok_or(REALM)?;
    if mnc.len() != 3 {
        return Err(REALM);
    }
    Ok(SuciHome::Imsi(Plmn::new(mcc, mnc)?))
}
