//! The null algorithms NEA0 and NIA0 (TS 33.501 D.1, TS 33.401 B.0), which protect nothing and so must be asked for.
//!
//! A value of theirs is made from a permit that names the case in which 3GPP allows it. There is no default and no
//! number that turns into a permit: only a policy that knows the case writes one down.

use super::{BitsBeyondMessage, CipherJob, Mac32, MacJob, MacMismatch, MessageInput, check_bits};

/// Why a policy allows messages that anybody can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullCipheringPermitted {
    /// An emergency session of a UE that is not authenticated (TS 33.501 10.2.2, TS 33.401 15).
    UnauthenticatedEmergency,
    /// The operator does without confidentiality, which is optional to use (TS 33.501 5.3.2, TS 33.401 5.1.3).
    WithoutConfidentiality,
    /// No subscriber's traffic: a laboratory, a conformance test.
    TestNetwork,
}

/// Why a policy allows messages that anybody can forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullIntegrityPermitted {
    /// An emergency session of a UE that is not authenticated (TS 33.501 10.2.2, TS 33.401 15).
    UnauthenticatedEmergency,
    /// No subscriber's traffic: a laboratory, a conformance test.
    TestNetwork,
}

/// NEA0, EEA0: a keystream of zeros, so that messages stay as they are (TS 33.501 D.1, TS 33.401 B.0).
#[derive(Clone, Copy, Debug)]
pub struct Nea0(());

impl Nea0 {
    /// Takes the permit of a policy.
    pub const fn allowed(_permit: NullCipheringPermitted) -> Self {
        Self(())
    }

    /// Leaves the message as it is.
    pub fn apply(&self, _input: &MessageInput, _message: &mut [u8]) {}

    /// Leaves the first `bits` bits of the message as they are.
    ///
    /// As with every other algorithm, the bits after them become 0 within the octet of the last bit.
    ///
    /// # Errors
    ///
    /// When the message has fewer bits; then nothing is changed.
    pub fn apply_bits(&self, _input: &MessageInput, message: &mut [u8], bits: usize) -> Result<(), BitsBeyondMessage> {
        super::apply_bits(message, bits, |_| {})
    }

    /// Leaves the messages as they are.
    pub fn apply_batch(_jobs: &mut [CipherJob<'_, Self>]) {}
}

/// NIA0, EIA0: a code of four zero octets for every message (TS 33.501 D.1, TS 33.401 B.0).
///
/// Whoever uses it has no replay protection either: COUNT is not checked. Not for data radio bearers.
#[derive(Clone, Copy, Debug)]
pub struct Nia0(());

impl Nia0 {
    /// The one code.
    const MAC: Mac32 = Mac32::from_octets([0; 4]);

    /// Takes the permit of a policy.
    pub const fn allowed(_permit: NullIntegrityPermitted) -> Self {
        Self(())
    }

    /// Four zero octets.
    pub fn mac(&self, _input: &MessageInput, _message: &[u8]) -> Mac32 {
        Self::MAC
    }

    /// Four zero octets.
    ///
    /// # Errors
    ///
    /// When the message has fewer bits.
    pub fn mac_bits(&self, _input: &MessageInput, message: &[u8], bits: usize) -> Result<Mac32, BitsBeyondMessage> {
        check_bits(bits, message.len())?;
        Ok(Self::MAC)
    }

    /// Takes the one code there is: a peer that sends another one does not use NIA0.
    ///
    /// # Errors
    ///
    /// When the code is not of zeros.
    pub fn verify(&self, _input: &MessageInput, _message: &[u8], mac: &Mac32) -> Result<(), MacMismatch> {
        Self::MAC.check(mac)
    }

    /// Writes four zero octets as the code of each job.
    pub fn mac_batch(jobs: &mut [MacJob<'_, Self>]) {
        for job in jobs {
            job.mac = Self::MAC;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::{Bearer, Direction};

    const INPUT: MessageInput = MessageInput {
        count: 1,
        bearer: Bearer(2),
        direction: Direction::Downlink,
    };

    #[test]
    fn messages_stay_as_they_are() {
        let nea0 = Nea0::allowed(NullCipheringPermitted::TestNetwork);
        let mut message = [0xff; 3];
        nea0.apply(&INPUT, &mut message);
        Nea0::apply_batch(&mut [CipherJob {
            cipher: &nea0,
            input: INPUT,
            message: &mut message,
        }]);
        assert_eq!(message, [0xff; 3]);
    }

    #[test]
    fn bits_after_the_last_one_become_zero() {
        let nea0 = Nea0::allowed(NullCipheringPermitted::UnauthenticatedEmergency);
        for (bits, expected) in [
            (0, [0xff; 3]),
            (1, [0x80, 0xff, 0xff]),
            (15, [0xff, 0xfe, 0xff]),
            (16, [0xff; 3]),
            (24, [0xff; 3]),
        ] {
            let mut message = [0xff; 3];
            assert_eq!(nea0.apply_bits(&INPUT, &mut message, bits), Ok(()));
            assert_eq!(message, expected, "{bits} bits");
        }
        let mut message = [0xff; 3];
        let error = BitsBeyondMessage { bits: 25, octets: 3 };
        assert_eq!(nea0.apply_bits(&INPUT, &mut message, 25), Err(error));
        assert_eq!(message, [0xff; 3]);
    }

    #[test]
    fn codes_are_zero_and_only_zero_is_taken() {
        let nia0 = Nia0::allowed(NullIntegrityPermitted::UnauthenticatedEmergency);
        let other = Mac32::from_octets([0, 0, 0, 1]);
        assert_eq!(nia0.mac(&INPUT, b"message").octets(), &[0; 4]);
        assert_eq!(
            nia0.mac_bits(&INPUT, b"message", 3).map(|mac| *mac.octets()),
            Ok([0; 4])
        );
        let error = BitsBeyondMessage { bits: 57, octets: 7 };
        assert_eq!(nia0.mac_bits(&INPUT, b"message", 57), Err(error));
        assert_eq!(nia0.verify(&INPUT, b"message", &Mac32::from_octets([0; 4])), Ok(()));
        assert_eq!(nia0.verify(&INPUT, b"message", &other), Err(MacMismatch));
        let mut jobs = [MacJob {
            algorithm: &nia0,
            input: INPUT,
            message: b"message",
            mac: other,
        }];
        Nia0::mac_batch(&mut jobs);
        assert_eq!(jobs[0].mac.octets(), &[0; 4]);
    }
}
