//! Names that hide a user: pseudonyms and identities of fast re-authentications. Project profile "names of EAP-AKA", version 1.
//!
//! | Name | Form | Who knows whose it is |
//! |---|---|---|
//! | pseudonym | `2` or `7`, then base64url of a sealed token: expiry and SUPI under a key of the server | whoever has the key: nothing is stored |
//! | identity of a fast re-authentication | `4` or `8`, then base64url of 144 random bits, `@`, the server's realm | the table in which the keys wait |
//!
//! A pseudonym is a token because a home network would else keep a name for each user for weeks, on disk, on every node; a token needs
//! a key. TS 33.402's servers encrypt the IMSI likewise. Two tokens of a user have nothing in common that could be seen without
//! the key, and no two users ever have one, since it says whose it is. An identity of a fast re-authentication is random, because
//! its keys have to be looked up anyway, and it serves once.

use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::seal::TokenKey;
use kaskade_flow::{Entropy, NoRandomness, UnixMillis};
use kaskade_keys::Supi;
use kaskade_keys::id::EapIdentity;

/// Makes and opens pseudonyms. The key is the server's own, 32 octets, and serves for nothing else; to renew it, keep the old one to
/// open with until its last pseudonym has expired.
#[derive(Debug)]
pub struct Pseudonyms(TokenKey);

/// What tokens are sealed for.
const PURPOSE: &str = "kaskade EAP-AKA pseudonym 1";
/// The SUPI in a token is filled up to a multiple of so many octets: all IMSIs give pseudonyms of one length.
const FILLED: usize = 24;

impl Pseudonyms {
    /// With a key of 32 random octets.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(TokenKey::from_octets(key))
    }

    /// With a key that lies with others of the server.
    pub const fn with_key(key: TokenKey) -> Self {
        Self(key)
    }

    /// A pseudonym of a user that can be used until then: a user name, without realm.
    ///
    /// # Errors
    /// [`NoRandomness`]. A SUPI that is too long for a name gives `Ok(None)`.
    pub fn make(
        &self,
        method: AkaMethod,
        supi: &Supi,
        until: UnixMillis,
        entropy: &mut dyn Entropy,
    ) -> Result<Option<EapIdentity>, NoRandomness> {
        let mut says: Vec<u8> = until.get().to_be_bytes().into();
        says.extend(supi.sbi().as_bytes());
        let whole = says.len().saturating_sub(8).next_multiple_of(FILLED).saturating_add(8);
        says.resize(whole, 0);
        let token = self.0.seal(PURPOSE, &entropy.octets()?, &says);
        let first = match method {
            AkaMethod::Aka => '2',
            AkaMethod::AkaPrime => '7',
        };
        Ok(named(first, &token, None))
    }

    /// Whose a pseudonym is, with or without realm; `None` for what is no pseudonym of this key, or too old.
    pub fn open(&self, identity: &EapIdentity, now: UnixMillis) -> Option<Supi> {
        let text = identity.as_str();
        let username = text.rsplit_once('@').map_or(text, |(username, _)| username);
        let token = Base64UrlUnpadded::decode_vec(username.strip_prefix(['2', '7'])?).ok()?;
        let says = self.0.open(PURPOSE, &token)?;
        let (until, supi) = says.split_first_chunk()?;
        if now > UnixMillis::new(u64::from_be_bytes(*until)) && !kaskade_faults::fault!("eap-pseudonym-without-end") {
            return None;
        }
        core::str::from_utf8(supi).ok()?.trim_end_matches('\0').parse().ok()
    }
}

/// A new identity of a fast re-authentication in a realm.
///
/// # Errors
/// [`NoRandomness`]. A realm that is none gives `Ok(None)`.
pub fn reauthentication_name(
    method: AkaMethod,
    realm: &str,
    entropy: &mut dyn Entropy,
) -> Result<Option<EapIdentity>, NoRandomness> {
    let first = match method {
        AkaMethod::Aka => '4',
        AkaMethod::AkaPrime => '8',
    };
    Ok(named(first, &entropy.octets::<18>()?, Some(realm)))
}

fn named(first: char, octets: &[u8], realm: Option<&str>) -> Option<EapIdentity> {
    let mut text = String::from(first);
    text.push_str(&Base64UrlUnpadded::encode_string(octets));
    if let Some(realm) = realm {
        text.push('@');
        text.push_str(realm);
    }
    let fits = text.len() <= super::identity::MOST;
    text.parse().ok().filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
            self.0 += 1;
            octets.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn a_pseudonym_names_its_user_until_it_expires() {
        let supi: Supi = "imsi-001010000000001".parse().unwrap();
        let (names, others) = (Pseudonyms::new(&[1; 32]), Pseudonyms::new(&[2; 32]));
        let until = UnixMillis::new(1000);
        let mut entropy = Counting(0);
        let make = |entropy: &mut Counting| names.make(AkaMethod::AkaPrime, &supi, until, entropy).unwrap().unwrap();
        let (first, second) = (make(&mut entropy), make(&mut entropy));
        assert_ne!(first, second);
        assert!(
            first.as_str().starts_with('7') && first.as_str().len() == 81,
            "{}",
            first.as_str()
        );
        for name in [&first, &second] {
            assert_eq!(names.open(name, until), Some(supi.clone()));
            assert_eq!(names.open(name, UnixMillis::new(1001)), None);
            assert_eq!(others.open(name, until), None);
            let with_realm = (name.as_str().to_owned() + "@nai.epc.mnc001.mcc001.3gppnetwork.org")
                .parse()
                .unwrap();
            assert_eq!(names.open(&with_realm, until), Some(supi.clone()));
        }
        let mut changed = first.as_str().to_owned();
        let last = if changed.ends_with('A') { "B" } else { "A" };
        changed.replace_range(40..41, last);
        assert_eq!(names.open(&changed.parse().unwrap(), until), None);
        for short in ["7", "7AAAA", "001010000000001"] {
            assert_eq!(names.open(&short.parse().unwrap(), until), None);
        }
        // The longest NAI does not fit into a name.
        let long: Supi = format!("nai-{}@example.org", "x".repeat(240)).parse().unwrap();
        assert_eq!(names.make(AkaMethod::Aka, &long, until, &mut entropy), Ok(None));
    }
}
