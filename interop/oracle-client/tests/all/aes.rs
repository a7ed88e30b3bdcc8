//! 128-NEA2 and 128-NIA2 against the Python reference and against the `openssl` program.
#![allow(clippy::panic, reason = "a test reports so")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use kaskade_crypto::aes::{Nea2, Nia2};
use kaskade_crypto::cipher::{BackEnd, Bearer, Direction, Key128, MessageInput};
use kaskade_oracle::{Arg, Oracle};

/// Cases against the reference, and against `openssl`, which is started for each.
const CASES: [u64; 2] = [150, 20];

/// Octets that a small generator makes from a seed: the same in every run, so that a failure comes again.
struct Octets(u64);

impl Octets {
    fn number(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.number() % limit).expect("small")
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.number().to_le_bytes()[0])
    }

    fn message(&mut self, octets: usize) -> Vec<u8> {
        (0..octets).map(|_| self.number().to_le_bytes()[0]).collect()
    }

    fn input(&mut self) -> MessageInput {
        MessageInput {
            count: u32::from_le_bytes(self.array()),
            bearer: Bearer::new(self.array::<1>()[0] % 32).expect("5 bits"),
            direction: [Direction::Uplink, Direction::Downlink][self.below(2)],
        }
    }
}

/// Both algorithms by every back end of this processor.
fn back_ends(key: &[u8; 16]) -> Vec<(Nea2, Nia2)> {
    let key = Key128::from_octets(key);
    BackEnd::ALL
        .into_iter()
        .filter_map(|back_end| {
            let nea2 = Nea2::with_back_end(&key, back_end).ok()?;
            Some((nea2, Nia2::with_back_end(&key, back_end).expect("both or none")))
        })
        .collect()
}

#[test]
fn the_reference_agrees_at_every_length_and_remainder() {
    let Some(oracle) = Oracle::start() else { return };
    let mut random = Octets(1);
    let mut remainders = [0; 8];
    for case in 0..CASES[0] {
        // Short ones, where the shapes of blocks differ, and long ones up to 20 000 bits.
        let bits = match case % 3 {
            0 => random.below(400),
            1 => random.below(4200),
            _ => random.below(20_001),
        };
        remainders[bits % 8] += 1;
        let (key, input) = (random.array::<16>(), random.input());
        let octets = bits.div_ceil(8);
        let extra = random.below(3);
        let message = random.message(octets + extra);
        let arguments = [
            Arg::from(&key),
            Arg::Number(input.count.into()),
            Arg::Number(input.bearer.value().into()),
            Arg::Number(input.direction.bit().into()),
            Arg::Octets(&message[..octets]),
            Arg::Number(u64::try_from(bits).expect("small")),
        ];
        let (ciphertext, mac) = (oracle.octets("eea2", &arguments), oracle.octets("eia2", &arguments));
        for (nea2, nia2) in back_ends(&key) {
            let mut ours = message.clone();
            nea2.apply_bits(&input, &mut ours, bits).expect("bits are there");
            assert_eq!(ours[..octets], ciphertext, "{bits} bits, {:?}", nea2.back_end());
            assert_eq!(ours[octets..], message[octets..], "{bits} bits, {:?}", nea2.back_end());
            let ours = nia2.mac_bits(&input, &message, bits).expect("bits are there");
            assert_eq!(ours.octets()[..], mac, "{bits} bits, {:?}", nia2.back_end());
        }
    }
    assert!(remainders.iter().all(|cases| *cases > 0), "{remainders:?}");
}

#[test]
fn openssl_agrees() {
    if !is_there() {
        return;
    }
    let mut random = Octets(2);
    for _ in 0..CASES[1] {
        let (key, input) = (random.array::<16>(), random.input());
        let length = random.below(2501);
        let message = random.message(length);
        let mut header = [0; 16];
        header[..4].copy_from_slice(&input.count.to_be_bytes());
        header[4] = input.bearer.value() << 3 | input.direction.bit() << 2;

        let (key_text, iv) = (hex(&key), hex(&header));
        let ciphertext = openssl(&["enc", "-aes-128-ctr", "-K", &key_text, "-iv", &iv], &message);
        let key_option = format!("hexkey:{key_text}");
        let options = [
            "mac",
            "-cipher",
            "AES-128-CBC",
            "-macopt",
            &key_option,
            "-binary",
            "CMAC",
        ];
        let mac = openssl(&options, &[&header[..8], &message].concat());
        for (nea2, nia2) in back_ends(&key) {
            let mut ours = message.clone();
            nea2.apply(&input, &mut ours);
            assert_eq!(ours, ciphertext, "{length} octets, {:?}", nea2.back_end());
            let ours = nia2.mac(&input, &message);
            assert_eq!(ours.octets()[..], mac[..4], "{length} octets, {:?}", nia2.back_end());
        }
    }
}

/// Whether the program is there; its absence fails the test, unless the environment allows to skip.
fn is_there() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        kaskade_oracle::missing_program("openssl", "apt-get install openssl");
    }
    found
}

/// What `openssl` writes when it reads `input`.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    // It ends its input by being dropped. A message here is smaller than a pipe holds, so that nothing waits.
    let mut pipe = child.stdin.take().expect("standard input is piped above");
    pipe.write_all(input).expect("openssl reads");
    drop(pipe);
    let output = child.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "openssl {arguments:?}: {}", output.status);
    output.stdout
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
