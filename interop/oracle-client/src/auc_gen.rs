//! The AuC of the Osmocom project as a second opinion on MILENAGE, AUTN and AUTS.

use crate::{from_hex, missing, to_hex};
use std::process::{Command, Stdio};

/// The program `osmo-auc-gen`, known to be installed.
#[derive(Clone, Copy, Debug)]
pub struct OsmoAucGen {
    _installed: (),
}

/// An authentication vector of `osmo-auc-gen`, with the 2G values that it derives from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UmtsVector {
    /// AUTN: SQN xor AK, AMF, MAC-A; 16 octets. TS 33.102 6.3.2.
    pub autn: Vec<u8>,
    /// RES; 8 octets.
    pub res: Vec<u8>,
    /// CK; 16 octets.
    pub ck: Vec<u8>,
    /// IK; 16 octets.
    pub ik: Vec<u8>,
    /// SRES by conversion function c2; 4 octets. TS 33.102 6.8.1.2.
    pub sres: Vec<u8>,
    /// Kc by conversion function c3; 8 octets. TS 33.102 6.8.1.2.
    pub kc: Vec<u8>,
}

impl OsmoAucGen {
    /// Finds the program, or returns `None` if it is missing and `KASKADE_SKIP_INTEROP` is set.
    ///
    /// # Panics
    /// If the program is missing and skipping is not allowed.
    #[must_use]
    pub fn find() -> Option<OsmoAucGen> {
        let probe = Command::new("osmo-auc-gen")
            .arg("--help")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if probe.is_err() {
            return missing("`osmo-auc-gen`", "apt-get install libosmocore-utils");
        }
        Some(OsmoAucGen { _installed: () })
    }

    /// The MILENAGE vector for these inputs; `sqn` and `amf` with the most significant octet first.
    ///
    /// # Panics
    /// If the program fails or prints something else than a vector.
    #[must_use]
    pub fn run(&self, k: &[u8; 16], opc: &[u8; 16], rand: &[u8; 16], sqn: &[u8; 6], amf: &[u8; 2]) -> UmtsVector {
        let sqn = sqn.iter().fold(0_u64, |number, &octet| number << 8 | u64::from(octet));
        // An IND of no bits: the program then uses the SQN as it is given.
        let options = ["-f", &to_hex(amf), "-s", &sqn.to_string(), "-l", "0"];
        let text = answer(k, opc, rand, &options);
        assert_eq!(
            from_hex(field(&text, "RAND:")),
            rand,
            "osmo-auc-gen answered for another RAND"
        );
        assert_eq!(
            field(&text, "SQN:"),
            sqn.to_string(),
            "osmo-auc-gen answered for another SQN"
        );
        let octets = |name| from_hex(field(&text, name));
        UmtsVector {
            autn: octets("AUTN:"),
            res: octets("RES:"),
            ck: octets("CK:"),
            ik: octets("IK:"),
            sres: octets("SRES:"),
            kc: octets("Kc:"),
        }
    }

    /// SQN_MS of an AUTS (6 octets, most significant first), or `None` if the program refuses its MAC-S. TS 33.102 6.3.5.
    ///
    /// # Panics
    /// If the program prints something else than a success or a refusal.
    #[must_use]
    pub fn sqn_ms(&self, k: &[u8; 16], opc: &[u8; 16], rand: &[u8; 16], auts: &[u8; 14]) -> Option<[u8; 6]> {
        let text = answer(k, opc, rand, &["-A", &to_hex(auts)]);
        if text.contains("AUTS from MS seems incorrect") {
            return None;
        }
        match field(&text, "SQN.MS:").parse::<u64>() {
            Ok(sqn) if sqn < 1 << 48 => {
                let [_, _, sqn @ ..] = sqn.to_be_bytes();
                Some(sqn)
            }
            _ => panic!("osmo-auc-gen printed no SQN.MS:\n{text}"),
        }
    }
}

/// Everything that the program prints on both outputs.
fn answer(k: &[u8; 16], opc: &[u8; 16], rand: &[u8; 16], options: &[&str]) -> String {
    let inputs = [
        "-3",
        "-a",
        "MILENAGE",
        "-k",
        &to_hex(k),
        "-o",
        &to_hex(opc),
        "-r",
        &to_hex(rand),
    ];
    match Command::new("osmo-auc-gen").args(inputs).args(options).output() {
        Ok(output) => {
            format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        }
        Err(error) => panic!("cannot run osmo-auc-gen: {error}"),
    }
}

/// What stands behind `name` on the line that begins with it.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    match text.lines().find_map(|line| line.strip_prefix(name)) {
        Some(value) => value.trim(),
        None => panic!("osmo-auc-gen printed no line {name}\n{text}"),
    }
}
