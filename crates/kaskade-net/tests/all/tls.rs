//! TLS 1.3 and nothing older, with and without client certificates, to the own client and to curl.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "what cannot be tried here is said")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::http::{Ask, curl, try_curl};
use crate::common::{Home, Link, answer, snn, supi, ue, without_interop};
use kaskade_net::role::seaf::{AusfClient, AusfClientError};
use kaskade_net::sbi::client::{ClientError, ClientOptions};
use kaskade_net::sbi::tls::{ClientTls, IdentityFiles, ServerTls, TlsError};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

fn mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A certificate authority with a server and a client, in a folder.
pub(crate) struct Pki {
    folder: TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        static AUTHORITIES: AtomicU32 = AtomicU32::new(0);
        let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
        Self::of_authority(&format!("authority {number} of the tests"))
    }

    /// With an authority of this name, which others may have too.
    pub(crate) fn of_authority(name: &str) -> Self {
        let pki = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        pki.write("ca.pem", &params.self_signed(&ca_key).unwrap().pem());
        let issuer = Issuer::new(params, ca_key);
        let here = || vec!["localhost".into(), "127.0.0.1".into()];
        for (name, usage, names) in [
            ("server", ExtendedKeyUsagePurpose::ServerAuth, here()),
            ("client", ExtendedKeyUsagePurpose::ClientAuth, here()),
            ("other", ExtendedKeyUsagePurpose::ClientAuth, here()),
            (
                "smf",
                ExtendedKeyUsagePurpose::ClientAuth,
                vec!["smf.example.org".into()],
            ),
            (
                "nwdaf",
                ExtendedKeyUsagePurpose::ClientAuth,
                vec!["nwdaf.example.org".into()],
            ),
            (
                "ausf",
                ExtendedKeyUsagePurpose::ClientAuth,
                vec!["ausf.example.org".into()],
            ),
            (
                "nef",
                ExtendedKeyUsagePurpose::ClientAuth,
                vec!["nef.example.org".into()],
            ),
            ("af", ExtendedKeyUsagePurpose::ClientAuth, vec!["af.example.org".into()]),
        ] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(names).unwrap();
            params.extended_key_usages = vec![usage];
            params.distinguished_name.push(DnType::CommonName, name);
            pki.write(&format!("{name}.pem"), &params.signed_by(&key, &issuer).unwrap().pem());
            pki.write(&format!("{name}.key"), &key.serialize_pem());
        }
        pki
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
        mode(&self.path(name), 0o600);
    }

    pub(crate) fn identity(&self, name: &str) -> IdentityFiles {
        IdentityFiles {
            certificates: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        }
    }

    pub(crate) fn server(&self, mutual: bool) -> ServerTls {
        let authority = self.path("ca.pem");
        ServerTls::new(&self.identity("server"), mutual.then_some(authority.as_path())).unwrap()
    }

    pub(crate) fn client(&self, identity: Option<&str>) -> ClientOptions {
        let identity = identity.map(|name| self.identity(name));
        let mut options = ClientOptions::default();
        options.tls = Some(ClientTls::new(&self.path("ca.pem"), identity.as_ref()).unwrap());
        options
    }
}

fn start(pki: &Pki, mutual: bool) -> Home {
    Home::start_with(Link::Local, |setup| setup.server.tls = Some(pki.server(mutual)))
}

async fn run(home: &Home, options: ClientOptions) -> Result<(), AusfClientError> {
    let seaf = AusfClient::new(home.ausf_url(), options).unwrap();
    let challenge = seaf.authenticate(supi(0), snn()).await?;
    assert!(challenge.confirmation.uri().starts_with("https://127.0.0.1:"));
    let at_ue = answer(&mut ue(0), &challenge);
    let result = seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await?;
    assert!(result.unwrap().1 == at_ue.k_seaf);
    Ok(())
}

#[tokio::test]
async fn the_own_client_authenticates_over_tls() {
    let pki = Pki::new();
    run(&start(&pki, false), pki.client(None)).await.unwrap();
    let mutual = start(&pki, true);
    run(&mutual, pki.client(Some("client"))).await.unwrap();
    for stranger in [None, Some("server")] {
        // A server's certificate is no client's.
        let error = run(&mutual, pki.client(stranger)).await.unwrap_err();
        assert!(matches!(error, AusfClientError::Client(_)), "{error}");
    }
}

#[tokio::test]
async fn the_own_client_trusts_its_authority_only() {
    let (pki, other) = (Pki::new(), Pki::new());
    let home = start(&pki, false);
    let error = run(&home, other.client(None)).await.unwrap_err();
    assert!(
        matches!(error, AusfClientError::Client(ClientError::Connect { .. })),
        "{error}"
    );
    // Clear text to a TLS server.
    let url = home.ausf_url().replace("https://", "http://");
    let seaf = AusfClient::new(&url, ClientOptions::default()).unwrap();
    assert!(seaf.authenticate(supi(0), snn()).await.is_err());
    run(&home, pki.client(None)).await.unwrap();
}

#[tokio::test]
async fn curl_authenticates_over_tls() {
    if without_interop() {
        return;
    }
    let pki = Pki::new();
    let ask = Ask::json(
        "POST",
        "/nausf-auth/v1/ue-authentications",
        r#"{"supiOrSuci":"imsi-001010000000000","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org"}"#,
    );
    let (ca, certificate, key) = (pki.arg("ca.pem"), pki.arg("client.pem"), pki.arg("client.key"));
    let home = start(&pki, false);
    let url = home.ausf_url();
    let told = curl(url, &ask, &["--http2", "--cacert", &ca]).await;
    assert_eq!(told.status, 201);
    assert!(told.header("location").unwrap().starts_with("https://127.0.0.1:"));
    let told = curl(url, &ask, &["--http2", "--cacert", &ca, "--tlsv1.3"]).await;
    assert_eq!(told.status, 201);
    // 35: the handshake failed; 60: the certificate is not trusted.
    let (status, _) = try_curl(url, &ask, &["--http2", "--cacert", &ca, "--tls-max", "1.2"]).await;
    assert_eq!(status, 35, "TLS 1.2");
    let (status, _) = try_curl(url, &ask, &["--http2"]).await;
    assert_eq!(status, 60, "an unknown authority");
    let (status, _) = try_curl(url, &ask, &["--http1.1", "--cacert", &ca]).await;
    assert_eq!(status, 35, "ALPN without h2");
    let mutual = start(&pki, true);
    let url = mutual.ausf_url();
    let (status, told) = try_curl(url, &ask, &["--http2", "--cacert", &ca]).await;
    // The alert comes while curl sends already: one of several codes.
    assert!(status != 0 && told.is_none(), "no client certificate: {status}");
    let told = curl(
        url,
        &ask,
        &["--http2", "--cacert", &ca, "--cert", &certificate, "--key", &key],
    )
    .await;
    assert_eq!(told.status, 201);
}

#[tokio::test]
async fn openssl_confirms_the_version() {
    if without_interop() {
        return;
    }
    let pki = Pki::new();
    let home = start(&pki, false);
    let address = home.ausf_url().strip_prefix("https://").unwrap().to_owned();
    for (version, works) in [("-tls1_3", true), ("-tls1_2", false), ("-tls1_1", false)] {
        let mut command = Command::new("openssl");
        command.args([
            "s_client",
            "-connect",
            &address,
            "-CAfile",
            &pki.arg("ca.pem"),
            "-alpn",
            "h2",
            version,
        ]);
        command.stdin(std::process::Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().expect("openssl"))
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let agreed = text.contains("ALPN protocol: h2") && text.contains("Verify return code: 0");
        assert_eq!(agreed, works, "{version}: {text}");
    }
}

#[test]
fn wrong_files_are_named() {
    let pki = Pki::new();
    let missing = IdentityFiles {
        certificates: pki.path("nowhere.pem"),
        key: pki.path("server.key"),
    };
    let error = ServerTls::new(&missing, None).unwrap_err();
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
    let swapped = IdentityFiles {
        certificates: pki.path("server.key"),
        key: pki.path("server.pem"),
    };
    assert!(matches!(ServerTls::new(&swapped, None), Err(TlsError::Pem { .. })));
    let mismatched = IdentityFiles {
        certificates: pki.path("server.pem"),
        key: pki.path("client.key"),
    };
    assert!(matches!(ServerTls::new(&mismatched, None), Err(TlsError::Identity(_))));
    assert!(ClientTls::new(&pki.path("server.key"), None).is_err());
}

#[test]
fn files_that_let_others_in_are_refused() {
    let pki = Pki::new();
    let (key, chain) = (pki.path("server.key"), pki.path("server.pem"));
    for wrong in [0o640, 0o604, 0o620, 0o644] {
        mode(&key, wrong);
        let error = ServerTls::new(&pki.identity("server"), None).unwrap_err();
        assert!(matches!(error, TlsError::PrivateKey(_)), "{wrong:o}: {error}");
        let said = error.to_string();
        assert!(said.contains("chmod 600") && said.contains("server.key"), "{said}");
        // The client's identity goes through the same door.
        assert!(ClientTls::new(&pki.path("ca.pem"), Some(&pki.identity("server"))).is_err());
    }
    mode(&key, 0o600);
    // Certificates are public, but not for everybody to change.
    mode(&chain, 0o644);
    assert!(ServerTls::new(&pki.identity("server"), None).is_ok());
    mode(&pki.path("ca.pem"), 0o646);
    let ca = pki.path("ca.pem");
    let error = ServerTls::new(&pki.identity("server"), Some(&ca)).unwrap_err();
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    mode(&ca, 0o644);
    // A link is followed, as tools that renew certificates make them.
    let link = pki.path("live.key");
    std::os::unix::fs::symlink(&key, &link).unwrap();
    let linked = IdentityFiles {
        certificates: chain,
        key: link,
    };
    assert!(ServerTls::new(&linked, None).is_ok());
    match std::os::unix::fs::chown(&key, Some(65_534), None) {
        Ok(()) => {
            let error = ServerTls::new(&linked, None).unwrap_err().to_string();
            assert!(error.contains("belongs to user 65534"), "{error}");
        }
        Err(_) => kaskade_oracle::not_here("root, who can give a file away"),
    }
}
