//! What README and docs print is what the program prints, and what they say was measured is what their tables say.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Place, Up};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a file of the repository")
}

/// What stands between two marks.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(begin).expect("the first mark");
    let (inside, _) = rest.split_once(end).expect("the second mark");
    inside
}

/// Replaces what another run has otherwise: fingerprints, ports, and how long it took.
fn masked(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let hex = word.bytes().all(|c| c.is_ascii_hexdigit()) && matches!(word.len(), 8 | 16);
        if hex { "#".to_owned() } else { word.to_owned() }
    };
    let line = |line: &str| {
        let mut line = line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        if let Some(before) = line.strip_suffix(" ms") {
            line = before
                .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
                .to_owned()
                + "# ms";
        }
        match line.split_once("http://127.0.0.1:") {
            Some((before, after)) => {
                let path = after.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}http://127.0.0.1:#{path}")
            }
            None => line,
        }
    };
    text.trim().lines().map(str::trim_end).map(line).collect()
}

/// The cascades in the README have the keys, holders, clauses and functions that the demonstration prints.
#[test]
fn the_readme_shows_what_the_demonstration_prints() {
    let readme = read("README.md");
    let demo = between(&readme, "<!-- demo:begin -->\n```text\n", "```\n<!-- demo:end -->");
    let printed = Place::new().kaskade("up --demo --once").ok();
    let (shown, printed) = (masked(demo), masked(&printed));
    assert_eq!(shown, printed);
    let keys = shown.iter().filter(|line| line.contains('✓')).count();
    // Of either UE, and a line that says what the tick means.
    assert_eq!(keys, 25 + 1 + 14 + 1);
}

/// The recipe for a second UE beside a running demonstration, and what it prints.
#[test]
fn a_second_ue_attaches_to_a_running_demonstration() {
    let docs = read("docs/command-line.md");
    let (_, recipe) = docs.split_once("Against a running demonstration").expect("the recipe");
    let commands = between(recipe, "```sh\n", "```");
    let arguments = |command: &str| {
        let (_, rest) = commands.split_once(command).expect("a command of the recipe");
        let rest = rest.lines().next().unwrap_or_default();
        format!(
            "{command}{}",
            rest.replace("--k-file - --opc-file - ", "")
                .replace("--k-file - --opc-file -", "")
        )
    };
    let place = Place::new();
    // Also where the demonstration has run before.
    place.kaskade("up --demo --once").ok();
    place.with_secrets(&arguments("subscriber add ")).ok();
    let up = Up::start(&place, &arguments("up --demo"));
    let attach = format!("{} --ausf {}", arguments("ue attach "), up.ausf);
    let printed = masked(&place.with_secrets(&attach).ok());
    let shown = between(
        &docs,
        "<!-- second-ue:begin -->\n```text\n",
        "```\n<!-- second-ue:end -->",
    );
    let lines = shown.lines().filter(|line| *line != "…").collect::<Vec<_>>();
    assert_eq!(lines.len(), 7);
    for line in lines {
        // The first line of a text is trimmed.
        let line = masked(line).concat();
        assert!(
            printed.iter().any(|printed| printed.trim() == line),
            "{line}: {printed:#?}"
        );
    }
    let keys = place.kaskade("hn-key list --data kaskade-demo --json").ok();
    let keys: serde_json::Value = serde_json::from_str(&keys).expect("JSON");
    let keys = &keys["keys"];
    assert_eq!((&keys[0]["id"], &keys[0]["profile"]), (&1.into(), &"A".into()));
    let key = keys[0]["public_key"].as_str().expect("a key");
    let said = place
        .with_secrets(&format!("{attach} --suci a --hn-key-id 1 --hn-public-key {key}"))
        .ok();
    assert!(said.contains("SUCI, profile A"), "{said}");
    up.stop();
}

/// The configuration and the commands of the page about keys below the EMSK.
#[test]
fn a_key_of_a_slice_is_had_as_the_page_says() {
    let docs = read("docs/emsk.md");
    let (_, section) = docs.split_once("## Try it").expect("the section");
    let recipe = between(section, "```sh\n", "```");
    let place = Place::new();
    place.file("emsk.toml", between(recipe, "<<'END'\n", "END\n"));
    let arguments = |command: &str| {
        let (_, rest) = recipe.split_once(command).expect("a command of the recipe");
        let line = rest.lines().next().unwrap_or_default();
        format!(
            "{command}{}",
            line.replace(" --k-file - --opc-file -", "").trim_end_matches(" &")
        )
    };
    place.with_secrets(&arguments("subscriber add ")).ok();
    let up = Up::start(&place, &arguments("up --config "));
    let at = |text: &str| text.replace("http://127.0.0.1:7777", &up.ausf);
    place.with_secrets(&at(&arguments("ue attach "))).ok();
    let body = between(recipe, "-d '", "'");
    let (_, url) = recipe.split_once("application/json' ").expect("where to ask");
    let url = at(url.split_whitespace().next().unwrap_or_default());
    let ask = |body: &str| {
        let kind = "content-type: application/json";
        let told = crate::monitor::curl(&["--http2-prior-knowledge", "-H", kind, &url, "-d", body]);
        serde_json::from_str::<serde_json::Value>(&told).expect("JSON")
    };
    assert_eq!(ask(body)["key"].as_str().map(str::len), Some(128));
    assert_eq!(ask(&body.replace("1-0000d1", "1-0000d2"))["status"], 403);
    let keys = place.kaskade(&arguments("emsk keys ")).ok();
    assert!(keys.contains("slice@operator.example, slice 1-0000d1"), "{keys}");
    place.kaskade(&arguments("emsk retire ")).ok();
    assert_eq!(ask(body)["cause"], "CONTEXT_NOT_FOUND");
    up.stop();
}

/// The settings, the key and the token of the page about AUSF and UDM, by openssl and curl as it says.
#[test]
fn a_token_by_openssl_opens_the_udm() {
    let docs = read("docs/ausf-udm.md");
    let (_, section) = docs.split_once("## Access tokens").expect("the section");
    let settings = between(section, "```toml\n", "```");
    let (_, recipe) = section.split_once("To try it").expect("the recipe");
    let (key, rest) = recipe.split_once("```sh\nask").expect("two blocks");
    let (key, asking) = (between(key, "```sh\n", "```"), between(rest, "() {", "```"));
    let place = Place::new();
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        let output = shell.args(["-ec", script]).current_dir(place.path("")).output();
        let output = output.expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    place.file(
        "k.toml",
        &format!("data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n{settings}"),
    );
    let added = place.with_secrets("subscriber add --config k.toml --supi imsi-001010000000001");
    let said = added.refused();
    assert!(said.contains("nrf.pem"), "{said}");
    shell(key);
    place
        .with_secrets("subscriber add --config k.toml --supi imsi-001010000000001")
        .ok();
    let up = Up::start(&place, "up --config k.toml");
    let udm = up.greeting.lines().find_map(|line| line.strip_prefix("UDM"));
    let udm = udm.and_then(|url| url.trim().strip_suffix("/nudm-ueau/v1"));
    let asking = asking.replace("http://127.0.0.1:7778", udm.expect("a URL"));
    let said = shell(&format!("ask() {{{asking}"));
    let (without, with) = said.split_once("HTTP/2 200").unwrap_or_else(|| panic!("{said}"));
    let (_, shown) = section.split_once("```text\n").expect("an answer");
    let (shown, _) = shown.split_once("```").expect("its end");
    let without: Vec<_> = without.lines().map(str::trim).collect();
    for line in shown.lines() {
        assert!(without.contains(&line), "{line}: {without:#?}");
    }
    assert!(with.contains("5G_HE_AKA"), "{said}");

    // The same of an AUSF, which the emulated serving network asks.
    let (_, token) = asking.split_once("\nb64() {").expect("how a token is made");
    let (token, _) = token.split_once("\nask -H").expect("the end of that");
    let token = token.replace(
        "\"aud\":\"UDM\",\"scope\":\"nudm-ueau\"",
        "\"aud\":\"AUSF\",\"scope\":\"nausf-auth\"",
    );
    assert!(section.contains("`\"aud\":\"AUSF\",\"scope\":\"nausf-auth\"`"));
    let token = shell(&format!("b64() {{{token}\nprintf '%s\\n' \"$token\""));
    place.file("token", &token);
    let attach = |up: &Up, more: &str| {
        let line = format!(
            "ue attach --ausf {} --supi imsi-001010000000001 --plmn 001-01{more}",
            up.ausf
        );
        place.with_secrets(&line)
    };
    for (more, status, hint) in [
        ("", "401:", "--token FILE"),
        (" --token token", "403:", "[policy.access]"),
    ] {
        let ran = attach(&up, more);
        assert_eq!(ran.status, Some(77), "{ran:?}");
        assert!(
            ran.stderr.contains(&format!("the AUSF answered {status}"))
                || ran.stderr.trim_end().ends_with(&status[..3]),
            "{ran:?}"
        );
        assert!(ran.stderr.contains(hint), "{ran:?}");
    }
    let log = up.stop();
    assert!(log.contains("refused at the gate"), "{log}");
    let listed = std::fs::read_to_string(place.path("k.toml")).expect("a file");
    place.file("listed.toml", &listed.replace("192.0.2.0/28", "127.0.0.1"));
    let up = Up::start(&place, "up --config listed.toml");
    attach(&up, " --token token").ok();
    place.file("token", "two words\n");
    assert!(
        attach(&up, " --token token")
            .refused()
            .contains("token: no access token")
    );
    up.stop();
}

/// The ten lines are the example of the front page of kaskade-keys, which is compiled and run with its documentation.
#[test]
fn the_ten_lines_of_the_readme_are_compiled() {
    let readme = read("README.md");
    let lines = between(&readme, "## Ten lines\n\n```rust\n", "```");
    let source = read("crates/kaskade-keys/src/lib.rs");
    let example = between(&source, "//! ```\n//! use kaskade_crypto", "//! ```\n");
    let example: String = format!("//! use kaskade_crypto{example}")
        .lines()
        .map(|line| line.trim_start_matches("//!").trim_start_matches(' ').to_owned() + "\n")
        .filter(|line| !line.starts_with("# ") && !line.starts_with("assert"))
        .collect();
    assert_eq!(lines, example);
}

/// The README's sentence about ipsec-mb has the least and the greatest figure of the tables.
#[test]
fn the_readme_says_the_least_and_the_greatest_ratio() {
    let docs = read("docs/algorithms.md");
    let tables = between(&docs, "<!-- figures:begin -->", "<!-- figures:end -->");
    let (avx512, avx2) = tables.split_once("\n`Avx2` on").expect("two tables");
    let range = |table: &str| -> (f64, f64) {
        let rows = table.lines().filter(|line| line.starts_with("| 128-"));
        let cells = rows.map(|row| row.split('|').nth(5).expect("the cell of ipsec-mb").to_owned());
        let figures: Vec<f64> = cells
            .flat_map(|cell| {
                cell.split('/')
                    .map(|figure| figure.trim().parse().expect("a figure"))
                    .collect::<Vec<f64>>()
            })
            .collect();
        assert!(figures.len() >= 24, "{figures:?}");
        let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
        (least, figures.iter().copied().fold(0.0, f64::max))
    };
    let ((a, b), (c, d)) = (range(avx512), range(avx2));
    let sentence = format!("{a:.2} to {b:.2} times as fast as ipsec-mb with AVX-512, {c:.2} to {d:.2} with AVX2");
    assert!(read("README.md").contains(&sentence), "{sentence}");
}

/// The README says how many vectors of the 256-bit set are not run, and of what.
#[test]
fn the_readme_says_which_vectors_are_left_out() {
    let file: serde_json::Value = serde_json::from_str(&read("vectors/nxa-256.json")).expect("JSON");
    let cases = file["cases"].as_array().expect("cases");
    let of = |begin: &str| {
        let names = cases.iter().filter_map(|case| case["algorithm"].as_str());
        names.filter(|name| name.starts_with(begin)).count()
    };
    assert_eq!(
        (cases.len(), of("SNOW-V"), of("ZUC-256 (2018"), of("ZUC-256 MAC (2018")),
        (123, 1, 2, 7)
    );
    let readme = read("README.md").split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "Ten of the 123 published vectors",
        "one of SNOW-V",
        "nine of the ZUC-256 of 2018 (two of the cipher, seven of its MAC)",
    ] {
        assert!(readme.contains(part), "{part}");
    }
}

/// Every `console` example prints what stands below it.
#[test]
fn the_examples_print_what_the_docs_say() {
    let place = Place::new();
    let bin = Path::new(env!("CARGO_BIN_EXE_kaskade")).parent().expect("a folder");
    let mut run = 0;
    for entry in std::fs::read_dir(root().join("docs")).expect("docs") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a page");
        for block in text.split("```console\n").skip(1) {
            let block = block.split("```").next().expect("a block");
            for example in block.split("$ ").skip(1) {
                let (command, expected) = example.split_once('\n').expect("a command and what it prints");
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", &format!("{command} 2>&1")])
                    .current_dir(place.path(""))
                    .env_clear()
                    .env("LANG", "C.UTF-8")
                    .env("COLUMNS", "120")
                    .env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
                let output = shell.output().expect("a shell");
                let printed = String::from_utf8(output.stdout).expect("UTF-8");
                assert_eq!(printed.trim_end(), expected.trim_end(), "{}: {command}", path.display());
                run += 1;
            }
        }
    }
    assert!(run >= 4, "{run} examples");
}

/// Every crate has a README, and its manifest names it.
#[test]
fn every_crate_has_a_readme() {
    let mut crates = 0;
    for entry in std::fs::read_dir(root().join("crates")).expect("crates") {
        let folder = entry.expect("a folder").path();
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("readme = \"README.md\""), "{}", folder.display());
        let readme = std::fs::read_to_string(folder.join("README.md")).expect("a README");
        assert!(
            readme.contains("```") && readme.contains("../../README.md"),
            "{}",
            folder.display()
        );
        crates += 1;
    }
    assert!(crates >= 7, "{crates}");
}

/// The unit for systemd is one, as far as systemd's own tool sees.
#[test]
fn the_unit_is_one_for_systemd() {
    let place = Place::new();
    let unit = read("docs/kaskade.service");
    // The tool looks for the program.
    let bin = env!("CARGO_BIN_EXE_kaskade");
    let here = unit.replace("/usr/bin/kaskade", bin);
    assert_ne!(here, unit);
    let path = place.file("kaskade.service", &here);
    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output();
    let Ok(verified) = verified else {
        kaskade_oracle::not_here("systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    // It may see other units of the machine.
    let wrong: Vec<&str> = said.lines().filter(|line| line.contains("kaskade.service")).collect();
    assert!(wrong.is_empty(), "{said}");
}

/// The configuration of the page about running, and what it says of a setting that only a new start changes.
#[test]
fn the_page_about_running_says_what_the_program_says() {
    let docs = read("docs/running.md");
    let place = Place::new();
    let mut rest = docs.as_str();
    let mut checked = 0;
    while let Some((_, after)) = rest.split_once("```toml\n") {
        let (block, after) = after.split_once("```").expect("its end");
        place.file("k.toml", block);
        place.kaskade("config check k.toml").ok();
        (rest, checked) = (after, checked + 1);
    }
    assert_eq!(checked, 3);
    place.file("kaskade.toml", "[policy]\nserving_networks = [\"001-01\"]\n");
    place
        .with_secrets("subscriber add --supi imsi-001010000000001 --config kaskade.toml")
        .ok();
    let (up, log) = Up::start_with_log(&place, "up --config kaskade.toml");
    place
        .with_secrets(&format!(
            "ue attach --ausf {} --supi imsi-001010000000001 --plmn 001-01",
            up.ausf
        ))
        .ok();
    place.file(
        "kaskade.toml",
        "[policy]\nserving_networks = [\"001-01\"]\n\n[limits]\nidle = 61\n",
    );
    up.reload(&log, "the configuration was not taken over", 1);
    up.stop();
    let log = std::fs::read_to_string(log).expect("a log");
    let refused = between(&docs, "```text\nthe configuration", "\n```");
    assert!(log.contains(refused), "{refused}: {log}");
    let line = between(&docs, "```text\nauthentication succeeded ", "ms=");
    assert!(
        log.contains(&format!("authentication succeeded {line}")),
        "{line}: {log}"
    );
}
