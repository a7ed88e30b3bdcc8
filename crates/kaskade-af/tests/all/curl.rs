//! Logins by curl, over TLS: a client of HTTP Digest that knows nothing of ours.

use std::net::SocketAddr;
use std::process::{Command, Output};

use kaskade_af::{LoginOptions, TlsListener, TlsPeer, UaStar};
use kaskade_codec::http_digest::akma;
use kaskade_keys::id::UaProtocolId;
use tempfile::TempDir;

use crate::common::{Home, Ue, app, client, tls};

/// Whether other programs are to be left out.
fn without_interop() -> bool {
    let skip = kaskade_oracle::skipping();
    if skip {
        kaskade_oracle::not_here("other programs, such as curl (KASKADE_SKIP_INTEROP is set)");
    }
    skip
}

struct Site {
    address: SocketAddr,
    folder: TempDir,
    ue: Ue,
    home: Home,
}

impl Site {
    async fn start(options: LoginOptions) -> Self {
        let (certificate, config) = tls();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("af.pem"), certificate.pem()).unwrap();
        let ue = Ue::new(1);
        let home = Home::new(std::slice::from_ref(&ue));
        let app = app(&client(&home), options);
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let listener = TlsListener::new(socket, config, 100).unwrap();
        let service = app.into_make_service_with_connect_info::<TlsPeer>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self {
            address,
            folder,
            ue,
            home,
        }
    }

    /// Lets curl ask for paths, one after the other on one connection where that lasts; what it writes of each.
    async fn curl(&self, password: &str, paths: &[&str], more: &[&str]) -> Vec<String> {
        let mut command = Command::new("curl");
        let port = self.address.port();
        command.args(["--silent", "--max-time", "20", "--digest", "--resolve"]);
        command.arg(format!("af.example:{port}:127.0.0.1"));
        command.arg("--cacert").arg(self.folder.path().join("af.pem"));
        command.arg("--user").arg(format!("{}:{password}", self.ue.a_kid));
        command
            .args(["--write-out", " %{http_code} %{num_connects}\\n"])
            .args(more);
        for path in paths {
            command.arg(format!("https://af.example:{port}{path}"));
        }
        let run = move || {
            command
                .output()
                .expect("curl: apt-get install curl, or KASKADE_SKIP_INTEROP=1")
        };
        let output: Output = tokio::task::spawn_blocking(run).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn password(&self, protocol: UaProtocolId) -> String {
        akma::password(&self.ue.k_af(protocol)).to_string()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_logs_in_by_digest() {
    if without_interop() {
        return;
    }
    let site = Site::start(LoginOptions::default()).await;
    let password = site.password(UaProtocolId::HTTP_DIGEST);
    for version in ["--http1.1", "--http2"] {
        let told = site.curl(&password, &["/", "/a?b=c%20d", "/e"], &[version]).await;
        assert_eq!(told.len(), 3, "{told:?}");
        for line in told {
            assert!(line.starts_with("msisdn-491701234567 200"), "{version}: {line}");
        }
    }
    // By HTTP/2, curl 7.88 announces a body of no octets and sends some.
    let told = site.curl(&password, &["/"], &["--http1.1", "--data", "x=y"]).await;
    assert!(told[0].starts_with("msisdn-491701234567 200"), "{told:?}");
    assert_eq!(site.home.asked(), 1);
    let other = akma::password(&Ue::new(2).k_af(UaProtocolId::HTTP_DIGEST)).to_string();
    let told = site.curl(&other, &["/"], &[]).await;
    assert!(told.last().unwrap().contains(" 401 "), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_logs_in_by_md5_where_it_is_offered() {
    if without_interop() {
        return;
    }
    let mut options = LoginOptions::default();
    options.md5 = true;
    let site = Site::start(options).await;
    let told = site.curl(&site.password(UaProtocolId::HTTP_DIGEST), &["/"], &[]).await;
    assert!(told[0].starts_with("msisdn-491701234567 200"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_of_the_cipher_suite_where_that_is_configured() {
    if without_interop() {
        return;
    }
    let mut options = LoginOptions::default();
    options.protocol = UaStar::TlsSuite;
    let site = Site::start(options).await;
    let suite = ["--tls13-ciphers", "TLS_CHACHA20_POLY1305_SHA256"];
    let right = site.password(UaProtocolId::tls([0x13, 0x03]));
    let told = site.curl(&right, &["/"], &suite).await;
    assert!(told[0].starts_with("msisdn-491701234567 200"), "{told:?}");
    let wrong = site.password(UaProtocolId::tls([0x13, 0x01]));
    let told = site.curl(&wrong, &["/"], &suite).await;
    assert!(told.last().unwrap().contains(" 401 "), "{told:?}");
}
