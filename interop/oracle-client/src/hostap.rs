//! Other people's EAP programs at work: a server with its AuC elsewhere, and a peer with its card.

use crate::{Printed, eapol_test, hostapd};
use std::fmt::Write as _;
use std::fs::File;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// hostapd as a server of EAP-AKA' and EAP-AKA behind RADIUS, and of ERP; ends with this.
#[derive(Debug)]
pub struct EapServer {
    process: Child,
    port: u16,
}

impl EapServer {
    /// What it shares with its clients.
    pub const SECRET: &'static str = "what hostapd and its clients share";

    /// Starts it in a folder, where its files are. It asks the AuC behind a Unix socket for vectors. `None` if it is not here.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(folder: &Path, auc: &Path, realm: &str) -> Option<Self> {
        let path = |name: &str| folder.join(name);
        let users = "\"0\"* AKA\n\"2\"* AKA\n\"4\"* AKA\n\"6\"* AKA'\n\"7\"* AKA'\n\"8\"* AKA'\n";
        write(&path("users"), users);
        write(&path("clients"), &format!("127.0.0.1 {}\n", Self::SECRET));
        // Somebody else may be faster to take the port that was free.
        for _ in 0..5 {
            let port = free_port();
            let configuration = format!(
                "interface=none0\ndriver=none\nlogger_stdout=-1\nlogger_stdout_level=0\nieee8021x=1\neap_server=1\n\
                 eap_sim_db=unix:{}\neap_sim_aka_result_ind=1\neap_sim_id=3\neap_user_file={}\neap_server_erp=1\nerp_domain={realm}\n\
                 radius_server_clients={}\nradius_server_auth_port={port}\n",
                auc.display(),
                path("users").display(),
                path("clients").display(),
            );
            write(&path("hostapd.conf"), &configuration);
            let said = path("hostapd.log");
            let log = File::create(&said).unwrap_or_else(|error| panic!("{}: {error}", said.display()));
            let mut command = hostapd()?;
            command.arg(path("hostapd.conf")).stdin(Stdio::null());
            command.stdout(log).stderr(Stdio::null());
            let process = command.spawn().unwrap_or_else(|error| panic!("hostapd: {error}"));
            let mut server = Self { process, port };
            if server.is_ready(&said) {
                return Some(server);
            }
        }
        panic!("hostapd does not start");
    }

    /// Waits until it serves; false if it has ended.
    fn is_ready(&mut self, said: &Path) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if std::fs::read_to_string(said).is_ok_and(|text| text.contains("AP-ENABLED")) {
                return true;
            }
            if self.process.try_wait().is_ok_and(|status| status.is_some()) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Where it serves RADIUS, on the loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for EapServer {
    fn drop(&mut self) {
        // Not killed: it removes its own socket.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// What `eapol_test` plays: a peer with a card in software. The card forgets the SQN of its challenges.
#[derive(Clone, Debug)]
pub struct UsimPeer {
    /// `AKA'` or `AKA`.
    pub method: &'static str,
    /// What it says who it is.
    pub identity: String,
    /// K, 32 hexadecimal digits.
    pub k: String,
    /// OPc, 32 hexadecimal digits.
    pub opc: String,
    /// The highest SQN that the card has taken, 12 hexadecimal digits.
    pub sqn: String,
    /// Whether it asks for a protected result.
    pub result_ind: bool,
}

impl UsimPeer {
    /// Whose card has taken no challenge yet.
    #[must_use]
    pub fn new(method: &'static str, identity: &str, [k, opc]: [&str; 2]) -> Self {
        Self {
            method,
            identity: identity.to_owned(),
            k: k.to_owned(),
            opc: opc.to_owned(),
            sqn: "000000000000".to_owned(),
            result_ind: false,
        }
    }

    /// Authenticates at a RADIUS server on the loopback, and as often again as said, with what it was given before. Whether the last
    /// time was a success, the keys of both ends among it, and what it printed. `None` if it is not here.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn authenticate(&self, folder: &Path, port: u16, secret: &str, again: u8) -> Option<(bool, Printed)> {
        let mut network = format!(
            "network={{\nssid=\"x\"\nkey_mgmt=IEEE8021X\neap={}\nidentity=\"{}\"\npassword=\"{}:{}:{}\"\nerp=1\n",
            self.method, self.identity, self.k, self.opc, self.sqn
        );
        if self.result_ind {
            network.push_str("phase1=\"result_ind=1\"\n");
        }
        let _ = network.write_str("}\n");
        // Several may run at once.
        let file = folder.join(format!("peer-{}.conf", free_port()));
        write(&file, &network);
        let mut peer = eapol_test()?;
        peer.arg("-c").arg(&file);
        peer.args(["-a", "127.0.0.1", "-s", secret, "-t", "20"]);
        peer.args(["-p", &port.to_string(), "-r", &again.to_string()]);
        let output = peer.stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("eapol_test: {error}"));
        Some((output.status.success(), Printed::new(&output.stdout)))
    }
}

fn write(path: &Path, text: &str) {
    if let Err(error) = std::fs::write(path, text) {
        panic!("{}: {error}", path.display());
    }
}

/// A port of UDP that was free a moment ago.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    socket.map_or_else(|error| panic!("a socket: {error}"), |address| address.port())
}
