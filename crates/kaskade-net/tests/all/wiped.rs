//! No digits of K_AUSF and K_SEAF are left in the memory of the process that gave them out: all of it is searched.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs::File;
use std::os::unix::fs::FileExt;

use std::process::Command;

use kaskade_crypto::{Autn, Rand};
use kaskade_keys::Abba;
use kaskade_net::role::seaf::AusfClient;
use tempfile::NamedTempFile;

use crate::common::{Home, Link, answer, snn, supi, ue, without_interop};
use crate::tls::Pki;

/// What is searched for, so that the search does not find itself: each digit with its first bit set.
pub(crate) struct Masked(Vec<u8>);

impl Masked {
    /// Octets, not digits.
    #[cfg(feature = "psk")]
    pub(crate) fn of(octets: &[u8]) -> Self {
        Self(octets.iter().map(|octet| octet ^ 0x80).collect())
    }

    /// The octets again.
    #[cfg(feature = "psk")]
    pub(crate) fn unmasked(&self) -> Vec<u8> {
        self.0.iter().map(|octet| octet ^ 0x80).collect()
    }

    fn new(octets: &[u8]) -> Self {
        let nibbles = octets.iter().flat_map(|octet| [octet >> 4, octet & 0xF]);
        Self(
            nibbles
                .map(|nibble| 0x80 | if nibble < 10 { 0x30 + nibble } else { 0x57 + nibble })
                .collect(),
        )
    }

    /// The digits, for the witness.
    fn digits(&self) -> Vec<u8> {
        self.0.iter().map(|digit| digit & 0x7F).collect()
    }

    /// Where they are, or a half of them, in what this process can write to.
    pub(crate) fn places(&self) -> Vec<String> {
        let (first, second) = self.0.split_at(self.0.len() / 2);
        [first, second].into_iter().flat_map(Self::places_of).collect()
    }

    /// The first eight are compared at once: it is a lot of memory.
    fn find(memory: &[u8], digits: &[u8]) -> Option<usize> {
        let eight = |octets: &[u8]| u64::from_le_bytes(octets[..8].try_into().unwrap());
        let first = eight(digits) ^ 0x8080_8080_8080_8080;
        (0..(memory.len() + 1).saturating_sub(digits.len())).find(|at| {
            let here = &memory[*at..*at + digits.len()];
            eight(here) == first && here.iter().zip(digits).all(|(octet, digit)| octet ^ 0x80 == *digit)
        })
    }

    fn places_of(digits: &[u8]) -> Vec<String> {
        const CHUNK: usize = 1 << 16;
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let (mut found, mut chunk) = (Vec::new(), vec![0; CHUNK + digits.len()]);
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (begin, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let [begin, end] = [begin, end].map(|text| u64::from_str_radix(text, 16).unwrap());
            let mut at = begin;
            while at < end {
                let len = usize::try_from(end - at).unwrap().min(chunk.len());
                // What is unmapped in the meantime holds nothing.
                if memory.read_exact_at(&mut chunk[..len], at).is_ok() && chunk[..len].iter().any(|octet| *octet != 0) {
                    let hit = Self::find(&chunk[..len], digits);
                    if let Some(hit) = hit {
                        let around = &chunk[hit.saturating_sub(24)..hit];
                        found.push(format!("{line} + {hit} after {:?}", String::from_utf8_lossy(around)));
                    }
                    chunk.fill(0);
                }
                at += CHUNK as u64;
            }
        }
        found
    }
}

#[tokio::test]
async fn what_is_not_wiped_is_found() {
    let masked = Masked::new(&kaskade_net::random::random_octets::<32>().unwrap());
    assert_eq!(masked.places(), Vec::<String>::new());
    let witness = masked.digits();
    assert!(!masked.places().is_empty());
    drop(std::hint::black_box(witness));
}

/// curl, whose memory is its own: what came goes to a file.
async fn curl(arguments: &[&str], body: String, url: String) -> NamedTempFile {
    let answer = NamedTempFile::new().unwrap();
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--max-time",
            "10",
            "--output",
        ])
        .arg(answer.path())
        .args(["--header", "content-type: application/json", "--data-binary", &body])
        .args(arguments)
        .arg(url);
    let run = move || {
        command
            .output()
            .expect("curl: apt-get install curl, or KASKADE_SKIP_INTEROP=1")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    answer
}

/// What is before the secret in a file, octet by octet.
fn before(secret: &str, file: &NamedTempFile) -> String {
    let (mut text, mut octet) = (String::new(), [0]);
    while !text.ends_with(secret) {
        file.as_file().read_exact_at(&mut octet, text.len() as u64).unwrap();
        text.push(char::from(octet[0]));
    }
    text
}

fn member(name: &str, text: &str) -> [u8; 16] {
    let (_, rest) = text.split_once(&format!("\"{name}\":\"")).unwrap();
    hex::decode(&rest[..32]).unwrap().try_into().unwrap()
}

/// The AUSF gives K_SEAF to somebody else.
async fn search_ausf(pki: Option<&Pki>) {
    let home = Home::start_with(Link::Local, |setup| {
        if let Some(pki) = pki {
            setup.server.tls = Some(pki.server(false));
        }
    });
    let authority = pki.map(|pki| pki.arg("ca.pem"));
    let (seaf, arguments) = match (pki, &authority) {
        (Some(pki), Some(authority)) => {
            let seaf = AusfClient::new(home.ausf_url(), pki.client(None)).unwrap();
            (seaf, vec!["--http2", "--cacert", authority, "--request", "PUT"])
        }
        _ => (home.seaf(), vec!["--http2-prior-knowledge", "--request", "PUT"]),
    };
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    let body = format!("{{\"resStar\":\"{}\"}}", hex::encode(at_ue.res_star.expose_to_ausf()));
    let file = curl(&arguments, body, challenge.confirmation.uri().to_owned()).await;
    assert!(before("\"kseaf\":\"", &file).contains("AUTHENTICATION_SUCCESS"));
    for digits in [
        Masked::new(at_ue.k_seaf.expose_to_seaf()),
        Masked::new(at_ue.k_ausf.expose_to_ausf()),
    ] {
        assert_eq!(digits.places(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn nothing_of_k_seaf_is_left_in_the_ausf() {
    if !without_interop() {
        search_ausf(None).await;
    }
}

#[tokio::test]
async fn nothing_of_k_seaf_is_left_in_the_ausf_over_tls() {
    if !without_interop() {
        search_ausf(Some(&Pki::new())).await;
    }
}

/// The UDM gives K_AUSF to somebody else.
#[tokio::test]
async fn nothing_of_k_ausf_is_left_in_the_udm() {
    if without_interop() {
        return;
    }
    let home = Home::start(Link::Local);
    let body = format!(
        "{{\"servingNetworkName\":\"{}\",\"ausfInstanceId\":\"3fa85f64-5717-4562-b3fc-2c963f66afa6\"}}",
        snn()
    );
    let path = "security-information/generate-auth-data";
    let url = format!("{}/nudm-ueau/v1/{}/{path}", home.udm_url(), supi(0).sbi());
    let file = curl(&["--http2-prior-knowledge"], body, url).await;
    let text = before("\"kausf\":\"", &file);
    let (rand, autn) = (
        Rand::from_octets(member("rand", &text)),
        Autn::from_octets(member("autn", &text)),
    );
    let at_ue = ue(0).challenge(&rand, &autn, &snn(), &Abba::INITIAL).unwrap();
    assert_eq!(
        Masked::new(at_ue.k_ausf.expose_to_ausf()).places(),
        Vec::<String>::new()
    );
}
