//! The administration interface of the built program against schemathesis: requests that follow its document, and requests that do not.

use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// From pip, into a folder of its own below target.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// What is held against every answer. That a body of the right form is taken is not: which fields go together, no schema says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,unsupported_method";

/// Cases of each operation at most, beside those for each bound: some hundreds in all.
const CASES: &str = "12";

/// A node that is ended when this is dropped.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a node with an operator's certificate, and lets schemathesis ask it.
pub(crate) fn run(install: bool) -> Result<String> {
    let Some(schemathesis) = schemathesis(install)? else {
        crate::records::note("schemathesis (pip install schemathesis)")?;
        return Ok("not here: schemathesis".to_owned());
    };
    shell::run(&mut shell::cargo(["build", "--quiet", "-p", "kaskade"]))?;
    let program = shell::root().join("target/debug/kaskade");
    let folder = shell::Scratch::new("administration")?;
    let folder = folder.path();
    certificates(folder)?;
    std::fs::write(folder.join("kaskade.toml"), CONFIG)?;
    let document = shell::output(Command::new(&program).args(["admin", "openapi"]))?;
    std::fs::write(folder.join("openapi.json"), document)?;
    let mut node = Command::new(&program)
        .args(["up", "--config", "kaskade.toml"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(folder.join("log"))?)
        .spawn()
        .context("cannot start the program")?;
    let stdout = node.stdout.take().context("no standard output")?;
    let _node = Node(node);
    let mut url = None;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if let Some(metrics) = line.strip_prefix("Metrics") {
            url = metrics
                .trim()
                .strip_suffix("/metrics")
                .map(|root| format!("{root}/admin/v1"));
        }
        if line.starts_with("Running") {
            break;
        }
    }
    let url = url.context("the node does not say where it is administered")?;
    let mut command = Command::new(schemathesis);
    command
        .args([
            "run",
            "openapi.json",
            "--no-color",
            "--seed",
            "1",
            "--workers",
            "2",
            "--url",
            &url,
        ])
        .args([
            "--tls-verify",
            "ca.pem",
            "--request-cert",
            "client.pem",
            "--request-cert-key",
            "client.key",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            CASES,
            "--checks",
            CHECKS,
        ])
        .current_dir(folder);
    let output = command.output().context("cannot start schemathesis")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let log = std::fs::read_to_string(folder.join("log"))?;
    if !output.status.success() || log.contains("panicked") {
        bail!("{said}\n{log}");
    }
    let cases = said
        .lines()
        .find(|line| line.contains(" generated"))
        .unwrap_or_default();
    Ok(cases.trim().to_owned())
}

const CONFIG: &str = "data_dir = \"data\"
[udm]
listen = \"127.0.0.1:0\"
[ausf]
listen = \"127.0.0.1:0\"
[admin]
listen = \"127.0.0.1:0\"
[admin.tls]
cert = \"server.pem\"
key = \"server.key\"
client_ca = \"ca.pem\"
[admin.roles]
\"client.example\" = \"operator\"
";

/// The program, which is installed where that is allowed; `None` where it is not and cannot be.
fn schemathesis(install: bool) -> Result<Option<PathBuf>> {
    let folder = shell::root().join("target/schemathesis");
    let program = folder.join("bin/schemathesis");
    if shell::succeeds(Command::new(&program).arg("--version")) {
        return Ok(Some(program));
    }
    if !install {
        return Ok(None);
    }
    let made = shell::succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && shell::succeeds(Command::new(folder.join("bin/pip")).args(["install", "--quiet", SCHEMATHESIS]));
    Ok(made.then_some(program))
}

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
