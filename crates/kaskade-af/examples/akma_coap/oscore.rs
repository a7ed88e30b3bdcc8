//! Messages of OSCORE (RFC 8613), as far as the example needs them: AES-CCM-16-64-128, HKDF with SHA-256, no ID context, no Observe, and what arrives out of its turn within
//! 32 messages. The sequence number of the sender is in memory only: a context does not outlive the process, and the set-up makes another one.

use aes::Aes128;
use ccm::aead::{Aead as _, KeyInit as _, Payload};
use ccm::consts::{U8, U13};
use ccm::{Ccm, Nonce};
use coap_lite::{CoapOption, Packet};
use kaskade_af::oscore::SecurityContext;
use kaskade_crypto::kdf::HmacKey;

type AesCcm = Ccm<Aes128, U8, U13>;

/// Number of AES-CCM-16-64-128 in COSE.
const ALGORITHM: u8 = 10;
/// Octets of a nonce.
const NONCE: usize = 13;
/// Octets of the longest partial IV.
const PIV: usize = 5;
/// What stands for a request and an answer outside (RFC 8613 4.2).
const POST: u8 = 0x02;
const CHANGED: u8 = 0x44;

/// Why a message is not taken. Whoever sent it hears 4.00, 4.01 or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its option or its content has no form.
    Form,
    /// It was there before, or is too old.
    Replay,
    /// It is not of this context.
    Open,
    /// This end has sent all that it may.
    Spent,
}

/// One end of a context.
pub(crate) struct Context {
    sender_id: Vec<u8>,
    recipient_id: Vec<u8>,
    sender: AesCcm,
    recipient: AesCcm,
    common_iv: [u8; NONCE],
    next: u64,
    /// The highest number that was taken, and a bit for each of the 32 before it.
    taken: Option<(u64, u32)>,
}

/// What an answer is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    kid: Vec<u8>,
    piv: Vec<u8>,
}

/// What an option says.
pub(crate) struct Said<'o> {
    piv: &'o [u8],
    /// Whose message it is, in requests.
    pub(crate) kid: Option<&'o [u8]>,
}

/// An item of CBOR of fewer than 256 octets.
fn item(out: &mut Vec<u8>, major: u8, octets: &[u8]) {
    match octets.len() {
        length @ 0..24 => out.push(major << 5 | length as u8),
        length => out.extend([major << 5 | 24, length as u8]),
    }
    out.extend_from_slice(octets);
}

impl Context {
    /// RFC 8613 3.2.
    pub(crate) fn new(of: &SecurityContext) -> Self {
        let secret = of.master_secret.expose_to_oscore();
        Self::derived(secret, &of.master_salt, of.sender_id.octets(), of.recipient_id.octets())
    }

    pub(crate) fn derived(secret: &[u8; 16], salt: &[u8], sender_id: &[u8], recipient_id: &[u8]) -> Self {
        let extracted = HmacKey::new(salt).mac(secret);
        let expand = |id: &[u8], kind: &str, output: &mut [u8]| {
            let mut info = vec![0x85];
            item(&mut info, 2, id);
            info.extend([0xf6, ALGORITHM]);
            item(&mut info, 3, kind.as_bytes());
            info.push(output.len() as u8);
            let expanded = HmacKey::new(extracted.all()).expand(&[&info], output);
            expanded.expect("HKDF gives 255 times 32 octets");
        };
        let key = |id: &[u8]| {
            let mut key = [0; 16];
            expand(id, "Key", &mut key);
            AesCcm::new(&key.into())
        };
        let mut common_iv = [0; NONCE];
        expand(&[], "IV", &mut common_iv);
        Self {
            sender: key(sender_id),
            recipient: key(recipient_id),
            sender_id: sender_id.to_vec(),
            recipient_id: recipient_id.to_vec(),
            common_iv,
            next: 0,
            taken: None,
        }
    }

    /// RFC 8613 5.2.
    fn nonce(&self, id: &[u8], piv: &[u8]) -> Option<Nonce<U13>> {
        let mut nonce = [0; NONCE];
        *nonce.first_mut()? = id.len() as u8;
        let end_of_id = NONCE - PIV;
        nonce
            .get_mut(end_of_id.checked_sub(id.len())?..end_of_id)?
            .copy_from_slice(id);
        nonce.get_mut(NONCE.checked_sub(piv.len())?..)?.copy_from_slice(piv);
        nonce.iter_mut().zip(self.common_iv).for_each(|(own, iv)| *own ^= iv);
        Some(nonce.into())
    }

    /// Protects a request. Outside only what a proxy needs is to be seen (RFC 8613 4.1); this one gives all options inside.
    pub(crate) fn request(&mut self, inner: &Packet) -> Result<(Packet, Asked), Refused> {
        if self.next >= 1 << (8 * PIV) {
            return Err(Refused::Spent);
        }
        let number = self.next.to_be_bytes();
        self.next += 1;
        let zeros = number.iter().take(7).take_while(|octet| **octet == 0).count();
        let asked = Asked {
            kid: self.sender_id.clone(),
            piv: number[zeros..].to_vec(),
        };
        let mut option = vec![0x08 | asked.piv.len() as u8];
        option.extend_from_slice(&asked.piv);
        option.extend_from_slice(&asked.kid);
        Ok((self.sealed(inner, &asked, POST, option)?, asked))
    }

    /// Protects the answer to a request; it needs no number of its own, as there is one answer.
    pub(crate) fn answer(&self, inner: &Packet, asked: &Asked) -> Result<Packet, Refused> {
        self.sealed(inner, asked, CHANGED, Vec::new())
    }

    fn sealed(&self, inner: &Packet, asked: &Asked, code: u8, option: Vec<u8>) -> Result<Packet, Refused> {
        let mut bare = inner.clone();
        bare.set_token(Vec::new());
        let octets = bare.to_bytes_unlimited().map_err(|_| Refused::Form)?;
        let (head, rest) = octets.split_at_checked(4).ok_or(Refused::Form)?;
        let clear = [&head[1..2], rest].concat();
        let nonce = self.nonce(&asked.kid, &asked.piv).ok_or(Refused::Form)?;
        let aad = aad(asked);
        let payload = Payload { msg: &clear, aad: &aad };
        let mut outer = Packet::new();
        outer.header = inner.header.clone();
        outer.header.code = code.into();
        outer.set_token(inner.get_token().to_vec());
        outer.add_option(CoapOption::Oscore, option);
        outer.payload = self.sender.encrypt(&nonce, payload).map_err(|_| Refused::Open)?;
        Ok(outer)
    }

    /// Opens a request.
    pub(crate) fn open_request(&mut self, outer: &Packet) -> Result<(Packet, Asked), Refused> {
        let said = said(outer)?;
        if said.kid != Some(self.recipient_id.as_slice()) || said.piv.is_empty() {
            return Err(Refused::Form);
        }
        let number = said.piv.iter().fold(0, |number, octet| number << 8 | u64::from(*octet));
        let taken = self.after(number).ok_or(Refused::Replay)?;
        let asked = Asked {
            kid: self.recipient_id.clone(),
            piv: said.piv.to_vec(),
        };
        let nonce = self.nonce(&asked.kid, &asked.piv).ok_or(Refused::Form)?;
        let inner = self.opened(outer, &nonce, &asked)?;
        // Only a message that is right counts.
        self.taken = Some(taken);
        Ok((inner, asked))
    }

    /// Opens the answer to a request.
    pub(crate) fn open_answer(&self, outer: &Packet, asked: &Asked) -> Result<Packet, Refused> {
        let said = said(outer)?;
        let nonce = match said.piv {
            [] => self.nonce(&asked.kid, &asked.piv),
            piv => self.nonce(&self.recipient_id, piv),
        };
        self.opened(outer, &nonce.ok_or(Refused::Form)?, asked)
    }

    fn opened(&self, outer: &Packet, nonce: &Nonce<U13>, asked: &Asked) -> Result<Packet, Refused> {
        let aad = aad(asked);
        let payload = Payload {
            msg: &outer.payload,
            aad: &aad,
        };
        let clear = self.recipient.decrypt(nonce, payload).map_err(|_| Refused::Open)?;
        let (code, rest) = clear.split_first().ok_or(Refused::Form)?;
        let octets = [&[0x40, *code, 0, 0], rest].concat();
        let mut inner = Packet::from_bytes(&octets).map_err(|_| Refused::Form)?;
        inner.set_token(outer.get_token().to_vec());
        inner.header.message_id = outer.header.message_id;
        inner.header.set_type(outer.header.get_type());
        Ok(inner)
    }

    /// What is taken after this number; `None` where it was taken before, or nobody knows any more (RFC 8613 7.4).
    fn after(&self, number: u64) -> Option<(u64, u32)> {
        let Some((highest, before)) = self.taken else {
            return Some((number, 0));
        };
        if number > highest {
            let ahead = u32::try_from(number - highest).unwrap_or(u32::MAX);
            let shifted = before.checked_shl(ahead).unwrap_or(0);
            let own = 1u32.checked_shl(ahead - 1).unwrap_or(0);
            return Some((number, shifted | own));
        }
        let back = u32::try_from(highest - number).ok()?;
        let bit = 1u32.checked_shl(back.checked_sub(1)?)?;
        (before & bit == 0).then_some((highest, before | bit))
    }
}

/// RFC 8613 5.4.
fn aad(asked: &Asked) -> Vec<u8> {
    let mut external = vec![0x85, 1, 0x81, ALGORITHM];
    item(&mut external, 2, &asked.kid);
    item(&mut external, 2, &asked.piv);
    item(&mut external, 2, &[]);
    let mut aad = vec![0x83];
    item(&mut aad, 3, b"Encrypt0");
    item(&mut aad, 2, &[]);
    item(&mut aad, 2, &external);
    aad
}

/// The option of a message (RFC 8613 6.1).
pub(crate) fn said(outer: &Packet) -> Result<Said<'_>, Refused> {
    let mut values = outer.get_option(CoapOption::Oscore).into_iter().flatten();
    let (Some(option), None) = (values.next(), values.next()) else {
        return Err(Refused::Form);
    };
    let Some((flags, rest)) = option.split_first() else {
        return Ok(Said { piv: &[], kid: None });
    };
    let (has_kid, has_context) = (flags & 0x08 != 0, flags & 0x10 != 0);
    let length = usize::from(flags & 0x07);
    if flags & 0xe0 != 0 || length > PIV || has_context {
        return Err(Refused::Form);
    }
    let (piv, kid) = rest.split_at_checked(length).ok_or(Refused::Form)?;
    match has_kid {
        true => Ok(Said { piv, kid: Some(kid) }),
        false if kid.is_empty() => Ok(Said { piv, kid: None }),
        false => Err(Refused::Form),
    }
}
