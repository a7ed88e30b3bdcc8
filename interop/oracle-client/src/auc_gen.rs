//! The AuC of the Osmocom project as a second opinion on algorithm sets, AUTN, AUTS and 2G triplets.

use crate::{from_hex, missing, to_hex};
use std::process::{Command, Stdio};

/// The program `osmo-auc-gen`, known to be installed.
#[derive(Clone, Copy, Debug)]
pub struct OsmoAucGen {
    _installed: (),
}

/// A 2G vector of `osmo-auc-gen`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GsmVector {
    /// SRES; 4 octets.
    pub sres: Vec<u8>,
    /// Kc; 8 octets.
    pub kc: Vec<u8>,
}

/// An authentication vector of `osmo-auc-gen`, with the 2G values that it derives from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UmtsVector {
    /// AUTN: SQN xor AK, AMF, MAC-A; 16 octets. TS 33.102 6.3.2.
    pub autn: Vec<u8>,
    /// RES; 8 octets of MILENAGE, 16 of XOR, as asked for of TUAK.
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
        // An IND of no bits: the program then uses the SQN as it is given.
        let sqn = number(sqn).to_string();
        let options = ["-o", &to_hex(opc), "-f", &to_hex(amf), "-s", &sqn, "-l", "0"];
        let text = answer("-3", "MILENAGE", k, rand, &options);
        assert_eq!(field(&text, "SQN:"), sqn, "osmo-auc-gen answered for another SQN");
        umts_vector(&text)
    }

    /// SQN_MS of an AUTS (6 octets, most significant first), or `None` if the program refuses its MAC-S. TS 33.102 6.3.5.
    ///
    /// # Panics
    /// If the program prints something else than a success or a refusal.
    #[must_use]
    pub fn sqn_ms(&self, k: &[u8; 16], opc: &[u8; 16], rand: &[u8; 16], auts: &[u8; 14]) -> Option<[u8; 6]> {
        let options = ["-o", &to_hex(opc), "-A", &to_hex(auts)];
        sqn_ms(&answer("-3", "MILENAGE", k, rand, &options))
    }

    /// The vector of the XOR test algorithm (TS 34.108 8.1.2).
    ///
    /// # Panics
    /// As [`OsmoAucGen::run`].
    #[must_use]
    pub fn xor(&self, k: &[u8; 16], rand: &[u8; 16], sqn: &[u8; 6], amf: &[u8; 2]) -> UmtsVector {
        // This algorithm, unlike the others, does not step the SQN before it uses it.
        let options = ["-f", &to_hex(amf), "-s", &(number(sqn) + 1).to_string(), "-l", "0"];
        umts_vector(&answer("-3", self.xor_name(), k, rand, &options))
    }

    /// As [`OsmoAucGen::sqn_ms`], of the XOR test algorithm.
    ///
    /// # Panics
    /// As [`OsmoAucGen::sqn_ms`].
    #[must_use]
    pub fn xor_sqn_ms(&self, k: &[u8; 16], rand: &[u8; 16], auts: &[u8; 14]) -> Option<[u8; 6]> {
        sqn_ms(&answer("-3", self.xor_name(), k, rand, &["-A", &to_hex(auts)]))
    }

    /// The TUAK vector with RES of 4, 8 or 16 octets, K of 16 or 32 octets and one iteration; `None`, with a word about
    /// it, if the program is older than 1.10 and has no TUAK.
    ///
    /// # Panics
    /// As [`OsmoAucGen::run`].
    #[must_use]
    pub fn tuak(
        &self,
        k: &[u8],
        topc: &[u8; 32],
        res_octets: u8,
        rand: &[u8; 16],
        sqn: &[u8; 6],
        amf: &[u8; 2],
    ) -> Option<UmtsVector> {
        if !self.knows("TUAK") {
            crate::not_here("TUAK in osmo-auc-gen (libosmocore 1.10 has it)");
            return None;
        }
        let sqn = number(sqn).to_string();
        let (topc, res_octets) = (to_hex(topc), res_octets.to_string());
        let options = [
            "-o",
            &topc,
            "-L",
            &res_octets,
            "-f",
            &to_hex(amf),
            "-s",
            &sqn,
            "-l",
            "0",
        ];
        Some(umts_vector(&answer("-3", "TUAK", k, rand, &options)))
    }

    /// The triplet of COMP128 `version`, 1 to 3.
    ///
    /// # Panics
    /// If the program fails or prints something else than a triplet.
    #[must_use]
    pub fn comp128(&self, version: u8, k: &[u8; 16], rand: &[u8; 16]) -> GsmVector {
        let text = answer("-2", &format!("COMP128v{version}"), k, rand, &[]);
        GsmVector {
            sres: octets(&text, "SRES:"),
            kc: octets(&text, "Kc:"),
        }
    }

    /// Whether the program lists this algorithm.
    fn knows(&self, algorithm: &str) -> bool {
        let help = Command::new("osmo-auc-gen").arg("--help").output();
        let text = help
            .map(|output| [output.stdout, output.stderr].concat())
            .unwrap_or_default();
        String::from_utf8_lossy(&text)
            .lines()
            .any(|line| line.trim() == algorithm)
    }

    /// Newer ones have one for each generation.
    fn xor_name(&self) -> &'static str {
        if self.knows("XOR-3G") { "XOR-3G" } else { "XOR" }
    }
}

fn number(sqn: &[u8; 6]) -> u64 {
    sqn.iter().fold(0, |number, &octet| number << 8 | u64::from(octet))
}

fn umts_vector(text: &str) -> UmtsVector {
    UmtsVector {
        autn: octets(text, "AUTN:"),
        res: octets(text, "RES:"),
        ck: octets(text, "CK:"),
        ik: octets(text, "IK:"),
        sres: octets(text, "SRES:"),
        kc: octets(text, "Kc:"),
    }
}

/// SQN_MS, `None` for a refusal.
fn sqn_ms(text: &str) -> Option<[u8; 6]> {
    if text.contains("AUTS from MS seems incorrect") {
        return None;
    }
    match field(text, "SQN.MS:").parse::<u64>() {
        Ok(sqn) if sqn < 1 << 48 => {
            let [_, _, sqn @ ..] = sqn.to_be_bytes();
            Some(sqn)
        }
        _ => panic!("osmo-auc-gen printed no SQN.MS:\n{text}"),
    }
}

/// Everything that the program prints on both outputs.
fn answer(generation: &str, algorithm: &str, k: &[u8], rand: &[u8; 16], options: &[&str]) -> String {
    let (k, rand_text) = (to_hex(k), to_hex(rand));
    let inputs = [generation, "-a", algorithm, "-k", &k, "-r", &rand_text];
    let text = match Command::new("osmo-auc-gen").args(inputs).args(options).output() {
        Ok(output) => {
            format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        }
        Err(error) => panic!("cannot run osmo-auc-gen: {error}"),
    };
    if let Some(answered) = text.lines().find_map(|line| line.strip_prefix("RAND:")) {
        assert_eq!(answered.trim(), rand_text, "osmo-auc-gen answered for another RAND");
    }
    text
}

fn octets(text: &str, name: &str) -> Vec<u8> {
    from_hex(field(text, name))
}

/// What stands behind `name` on the line that begins with it.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    match text.lines().find_map(|line| line.strip_prefix(name)) {
        Some(value) => value.trim(),
        None => panic!("osmo-auc-gen printed no line {name}\n{text}"),
    }
}
