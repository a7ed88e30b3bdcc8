//! FreeRADIUS: its server as a proxy, and its client.

use crate::missing_program;
use std::fs::File;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const REMEDY: &str = "apt-get install freeradius freeradius-utils";

/// A server of FreeRADIUS that passes everything on; ends with this.
#[derive(Debug)]
pub struct RadiusProxy {
    process: Child,
    address: SocketAddr,
}

impl RadiusProxy {
    /// Starts it in a folder, where its files are, in front of a server under a secret; its own clients on the loopback have another
    /// one. `None` if it is not here.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(folder: &Path, home: SocketAddr, [inner, outer]: [&str; 2]) -> Option<Self> {
        let said = folder.join("freeradius.log");
        // Somebody else may be faster to take the port that was free.
        for _ in 0..5 {
            let address = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
            let address = address.unwrap_or_else(|error| panic!("a socket: {error}"));
            let text = configuration(folder, address, home, inner, outer);
            let written = std::fs::write(folder.join("radiusd.conf"), text);
            written.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let program = ["freeradius", "/usr/sbin/freeradius"].into_iter().find_map(|program| {
                let mut command = Command::new(program);
                command.arg("-d").arg(folder).args(["-f", "-l", "stdout"]);
                command.stdin(Stdio::null()).stdout(File::create(&said).ok()?);
                command.stderr(Stdio::null()).spawn().ok()
            });
            let Some(process) = program else {
                missing_program("`freeradius`", REMEDY);
                return None;
            };
            let mut proxy = Self { process, address };
            if proxy.is_ready(&said) {
                return Some(proxy);
            }
        }
        let log = std::fs::read_to_string(&said).unwrap_or_default();
        panic!("FreeRADIUS does not start: {log}");
    }

    /// Waits until it serves; false if it has ended.
    fn is_ready(&mut self, said: &Path) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if std::fs::read_to_string(said).is_ok_and(|text| text.contains("Ready to process requests")) {
                return true;
            }
            if self.process.try_wait().is_ok_and(|status| status.is_some()) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Where it serves.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for RadiusProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends what `attributes` say by `radclient`, once: whether it took an answer, and what it printed. `None` if it is not here.
///
/// # Panics
/// If it does not run.
#[must_use]
pub fn radclient(to: SocketAddr, command: &str, secret: &str, attributes: &str) -> Option<(bool, String)> {
    let mut program = Command::new("radclient");
    program.args(["-x", "-r", "1", "-t", "1", &to.to_string(), command, secret]);
    program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut child) = program.spawn() else {
        missing_program("`radclient`", REMEDY);
        return None;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read has something to say about it.
        let _ = stdin.write_all(attributes.as_bytes());
    }
    let output = child.wait_with_output();
    let output = output.unwrap_or_else(|error| panic!("radclient: {error}"));
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((output.status.success(), text))
}

fn configuration(folder: &Path, address: SocketAddr, home: SocketAddr, inner: &str, outer: &str) -> String {
    let folder = folder.display();
    let (listen, port, home_port) = (address.ip(), address.port(), home.port());
    format!(
        "prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
raddbdir = {folder}
pidfile = {folder}/pid
proxy_requests = yes
security {{
    reject_delay = 0
    status_server = yes
    max_attributes = 200
}}
proxy server {{
    default_fallback = no
}}
home_server kaskade {{
    type = auth
    ipaddr = 127.0.0.1
    port = {home_port}
    secret = \"{inner}\"
    status_check = status-server
    response_window = 10
}}
home_server_pool kaskade {{
    type = fail-over
    home_server = kaskade
}}
realm kaskade {{
    auth_pool = kaskade
    nostrip
}}
client gateway {{
    ipaddr = 127.0.0.1
    secret = \"{outer}\"
}}
modules {{
}}
server default {{
    listen {{
        type = auth
        ipaddr = {listen}
        port = {port}
    }}
    authorize {{
        update control {{
            Proxy-To-Realm := kaskade
        }}
    }}
}}
"
    )
}
