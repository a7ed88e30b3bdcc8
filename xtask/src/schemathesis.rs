//! The built program against schemathesis: requests that follow a document of an interface, and requests that do not. The
//! administration interface by the document that it prints, the services by 3GPP's.

use crate::virtualenv::SCHEMATHESIS;
use crate::{faults, records, shell, unpacked};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

/// What is held against every answer. That a body of the right form is taken is not: which fields go together, no schema says.
const STRICT: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,unsupported_method";

/// What is held against answers of the services, whose documents allow more than Kaskade serves.
const SERVED: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

/// A service.
struct Service {
    /// What the node calls its role when it starts.
    name: &'static str,
    /// 3GPP's file.
    file: &'static str,
    /// Random cases of each operation at most, beside those for each bound, in every run and in a long one: enough for [`Size::least`].
    examples: [u32; 2],
}

const fn service(name: &'static str, file: &'static str, examples: [u32; 2]) -> Service {
    Service { name, file, examples }
}

const SERVICES: &[Service] = &[
    service("AUSF", "TS29509_Nausf_UEAuthentication.yaml", [12, 160]),
    service("UDM", "TS29503_Nudm_UEAU.yaml", [12, 230]),
    service("AAnF", "TS29535_Naanf_AKMA.yaml", [45, 670]),
    service("NEF", "TS29522_AKMA.yaml", [190, 2_000]),
];

/// The same of the administration interface.
const OF_ADMINISTRATION: [u32; 2] = [12, 60];

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// In every run, the same cases each time.
    Every,
    /// In a long one, others each time.
    Long,
}

impl Size {
    /// So many cases of each service are tried, or the run fails.
    const fn least(self) -> u32 {
        match self {
            Self::Every => 200,
            Self::Long => 2_000,
        }
    }

    fn of(self, [every, long]: [u32; 2]) -> u32 {
        match self {
            Self::Every => every,
            Self::Long => long,
        }
    }

    /// What the random cases follow from; it is printed with a failure.
    fn seed(self) -> u64 {
        match self {
            Self::Every => 1,
            Self::Long => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                since.map_or(1, |since| since.as_secs())
            }
        }
    }
}

/// A program that is ended when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets schemathesis ask the administration interface as an operator, and the services through a proxy, as it speaks no HTTP/2.
pub(crate) fn run(install: bool, size: Size) -> Result<String> {
    let Some(schemathesis) = SCHEMATHESIS.program(install)? else {
        return Ok("not here: schemathesis".to_owned());
    };
    let program = faults::program()?;
    let folder = shell::Scratch::new("schemathesis")?;
    let node = Node::start(&program, folder.path())?;
    let tool = Tool {
        program: &schemathesis,
        size,
        seed: size.seed(),
    };
    let administration = administration(&tool, &node)?;
    let services = services(&tool, &node, install)?;
    Ok(format!("administration: {administration} cases; services: {services}"))
}

/// Schemathesis, and how much it is to try.
struct Tool<'a> {
    program: &'a Path,
    size: Size,
    seed: u64,
}

/// The node that is asked, and where.
struct Node<'a> {
    program: &'a Path,
    folder: &'a Path,
    /// Prefixes of lines that the node prints at its start, such as `AUSF`, and the addresses there.
    addresses: BTreeMap<String, String>,
    _node: Running,
}

impl<'a> Node<'a> {
    fn start(program: &'a Path, folder: &'a Path) -> Result<Self> {
        certificates(folder)?;
        std::fs::write(folder.join("kaskade.toml"), CONFIG)?;
        std::fs::write(folder.join("schemathesis.toml"), OPTIONS)?;
        // What the schemas' shortest values name, so that some requests are granted.
        std::fs::write(folder.join("subscribers.csv"), SUBSCRIBER)?;
        let mut import = Command::new(program);
        import.args(["subscriber", "import", "--data", "data", "subscribers.csv"]);
        shell::output(import.current_dir(folder))?;
        let mut node = Command::new(program)
            .args(["up", "--config", "kaskade.toml"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log"))?)
            .spawn()
            .context("cannot start the program")?;
        let stdout = node.stdout.take().context("no standard output")?;
        let node = Running(node);
        let mut addresses = BTreeMap::new();
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if line.starts_with("Running") {
                break;
            }
            if let Some((name, address)) = line.split_once(' ') {
                addresses.insert(name.to_owned(), address.trim().to_owned());
            }
        }
        Ok(Self {
            program,
            folder,
            addresses,
            _node: node,
        })
    }

    fn address(&self, name: &str) -> Result<&str> {
        let address = self.addresses.get(name);
        let address = address.with_context(|| format!("the node does not say where its {name} is"))?;
        Ok(address)
    }

    fn has_panicked(&self) -> Result<bool> {
        Ok(std::fs::read_to_string(self.folder.join("log"))?.contains("panicked"))
    }
}

fn administration(tool: &Tool<'_>, node: &Node<'_>) -> Result<u32> {
    let document = shell::output(Command::new(node.program).args(["admin", "openapi"]))?;
    std::fs::write(node.folder.join("openapi.json"), document)?;
    let root = node.address("Metrics")?;
    let root = root.strip_suffix("/metrics").context("metrics are elsewhere")?;
    let mut command = tool.asking(node, "openapi.json", &format!("{root}/admin/v1"), OF_ADMINISTRATION);
    command.args(["--tls-verify", "ca.pem"]);
    command.args(["--request-cert", "client.pem", "--request-cert-key", "client.key"]);
    command.args(["--checks", STRICT]);
    cases(&mut command, node)
}

/// The services by 3GPP's own files. Members of theirs that Kaskade does not serve are taken, or refused as what is not supported.
fn services(tool: &Tool<'_>, node: &Node<'_>, install: bool) -> Result<String> {
    let beside = shell::root().join("../shared/openapi");
    let files = std::env::var_os("KASKADE_OPENAPI").map_or(beside, PathBuf::from);
    if !files.is_dir() {
        records::note("3GPP's OpenAPI files (KASKADE_OPENAPI names their folder)")?;
        return Ok("not here: 3GPP's OpenAPI files".to_owned());
    }
    let Some(nghttpx) = unpacked::nghttpx(install)? else {
        return Ok("not here: nghttpx".to_owned());
    };
    let mut told = Vec::new();
    for Service { name, file, examples } in SERVICES {
        let address = node.address(name)?;
        let (host, root) = address
            .strip_prefix("http://")
            .and_then(|address| address.split_once('/'))
            .context("an address without a path")?;
        let (proxy, port) = proxy(&nghttpx, node.folder, host)?;
        let file = files.join(file);
        let file = file.to_str().context("a path that is no text")?;
        let mut command = tool.asking(node, file, &format!("http://127.0.0.1:{port}/{root}"), *examples);
        command.args(["--checks", SERVED]);
        let cases = cases(&mut command, node).with_context(|| format!("{name}, seed {}", tool.seed))?;
        drop(proxy);
        let least = tool.size.least();
        if cases < least {
            bail!(
                "schemathesis tried {cases} cases of {name}, {least} are needed: raise its examples in xtask/src/schemathesis.rs"
            );
        }
        told.push(format!("{name} {cases} of {least} cases"));
    }
    Ok(told.join(", "))
}

/// A proxy to an HTTP/2 server, and its port.
fn proxy(nghttpx: &unpacked::Program, folder: &Path, to: &str) -> Result<(Running, u16)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let (host, at) = to.split_once(':').context("no port")?;
    let log = std::fs::File::create(folder.join("proxy.log"))?;
    let mut command = nghttpx.command();
    command.args(["--conf", "/dev/null", "--workers", "1"]);
    command.arg(format!("--frontend=127.0.0.1,{port};no-tls"));
    command.arg(format!("--backend={host},{at};;proto=h2"));
    let command = command.current_dir(folder).stdin(Stdio::null());
    let command = command.stdout(log.try_clone()?).stderr(log);
    let running = Running(command.spawn().context("cannot start nghttpx")?);
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok((running, port));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("nghttpx does not answer")
}

impl Tool<'_> {
    fn asking(&self, node: &Node<'_>, document: &str, url: &str, examples: [u32; 2]) -> Command {
        let mut command = Command::new(self.program);
        command.args(["run", document, "--no-color", "--workers", "1", "--url", url]);
        command.args(["--seed", &self.seed.to_string()]);
        // Links lead from what one operation made to another one: too slow for every run.
        let phases = match self.size {
            Size::Every => "examples,coverage,fuzzing",
            Size::Long => "examples,coverage,fuzzing,stateful",
        };
        command.args(["--phases", phases]);
        command.args(["--max-examples", &self.size.of(examples).to_string()]);
        command.current_dir(node.folder);
        command
    }
}

/// Runs it; how many cases it tried.
fn cases(command: &mut Command, node: &Node<'_>) -> Result<u32> {
    let output = command.output().context("cannot start schemathesis")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || node.has_panicked()? {
        bail!("{said}\n{}", std::fs::read_to_string(node.folder.join("log"))?);
    }
    counted(&said).with_context(|| format!("schemathesis does not say how many cases it tried:\n{said}"))
}

/// How many cases were generated and passed, as the summary says it: `723 generated, 723 passed`.
fn counted(said: &str) -> Option<u32> {
    let line = said.lines().skip_while(|line| *line != "Test cases:").nth(1)?;
    let mut generated = None;
    let mut passed = None;
    for part in line.trim().split(", ") {
        match part.split_once(' ')? {
            (number, "generated") => generated = number.parse().ok(),
            (number, "passed") => passed = number.parse().ok(),
            _ => {}
        }
    }
    // What was left out was not tried.
    Some(generated?).min(passed)
}

/// The proxy itself refuses other methods than HTTP's usual ones. That a protection scheme is not supported is 501 (TS 29.503 6.1.7.3): the
/// file must have it, as it must every status.
const OPTIONS: &str = "[phases.coverage]
unexpected-methods = [\"DELETE\", \"GET\", \"PATCH\", \"POST\", \"PUT\"]
[checks.not_a_server_error]
expected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"501\"]
";

const SUBSCRIBER: &str = "supi,k,opc
imsi-00000,465b5ce8b199b49faa5f0a2ee238a6bc,cd63cb71954a9f4e48a5994e37a02baf
";

const CONFIG: &str = "data_dir = \"data\"
[policy]
serving_networks = [\"000-000\"]
[udm]
listen = \"127.0.0.1:0\"
[ausf]
listen = \"127.0.0.1:0\"
[aanf]
listen = \"127.0.0.1:0\"
ausfs = [\"127.0.0.1\"]
[aanf.functions.portal]
fqdn = \"af.example.com\"
protocols = [\"http-digest\"]
callers = [\"127.0.0.1\", \"nef\"]
identity = \"supi\"
[nef]
listen = \"127.0.0.1:0\"
[nef.afs.portal]
domains = [\"af.example.com\"]
protocols = [\"0100000002\"]
clients = [\"127.0.0.1\"]
[nef.aanfs.home]
realm = \"5gc.mnc000.mcc000.3gppnetwork.org\"
[admin]
listen = \"127.0.0.1:0\"
[admin.tls]
cert = \"server.pem\"
key = \"server.key\"
client_ca = \"ca.pem\"
[admin.roles]
\"client.example\" = \"operator\"
";

/// An authority, and certificates of server and client, by openssl.
fn certificates(folder: &Path) -> Result<()> {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(folder);
        shell::output(&mut command).map(drop)
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca -days 2"
    ))?;
    for (name, names) in [("server", "IP:127.0.0.1"), ("client", "DNS:client.example")] {
        std::fs::write(folder.join("names"), format!("subjectAltName={names}"))?;
        openssl(&format!(
            "req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ))?;
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile names"
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_counted_as_they_passed() {
        let said = |line: &str| format!("Test Phases:\n  ✅ Fuzzing\n\nTest cases:\n  {line}\n\nSeed: 1\n");
        assert_eq!(counted(&said("723 generated, 723 passed")), Some(723));
        assert_eq!(counted(&said("723 generated, 700 passed, 23 skipped")), Some(700));
        assert_eq!(counted(&said("No test cases were generated")), None);
        assert_eq!(counted(&said("7 generated, 1 found 1 unique failure")), None);
        assert_eq!(counted("Test cases:"), None);
        assert_eq!(counted(""), None);
    }

    #[test]
    fn a_long_run_tries_more_of_each_service() {
        for service in SERVICES {
            let [every, long] = [Size::Every, Size::Long].map(|size| size.of(service.examples));
            assert!(every < long, "{}", service.name);
        }
        assert!(Size::Every.least() < Size::Long.least());
    }
}
