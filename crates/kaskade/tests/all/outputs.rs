//! Outputs that take nothing: a full disk, a pipe that nobody reads, a limit of the length of files.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use crate::common::{Place, Ran, SUPI, Up};
use crate::lost_store::Disk;

fn full() -> File {
    File::options().write(true).open("/dev/full").expect("/dev/full")
}

/// The writing end of a pipe whose reader is gone.
fn nobody_reads() -> std::io::PipeWriter {
    std::io::pipe().expect("a pipe").1
}

fn into_full(place: &Place, line: &str) -> Ran {
    place.run_with(line.split_whitespace(), "", |command| {
        command.stdout(full());
    })
}

#[test]
fn a_node_whose_standard_error_takes_nothing_goes_on() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    let outputs: [&dyn Fn() -> Stdio; 2] = [&|| full().into(), &|| nobody_reads().into()];
    for (life, output) in outputs.iter().enumerate() {
        // One that was killed: the log has news at the next start, a gap.
        drop(Up::start(&place, "up --config kaskade.toml"));
        let up = Up::start_with(&place, "up --config kaskade.toml", |command| {
            command.env("KASKADE_LOG", "debug").stderr(output());
        });
        for attach in 0..3 {
            let line = format!(
                "ue attach --ausf {} --supi {SUPI} --home 001-01 --state s{life}{attach}.json",
                up.ausf
            );
            place.with_secrets(&line).ok();
            // A refusal is told and counted too.
            let line = line
                .replace(SUPI, "imsi-001010000000009")
                .replace(".json", "-unknown.json");
            place.with_secrets(&line).refused();
        }
        up.stop();
        place.kaskade("audit verify --data data").ok();
        let shown = place.kaskade("audit show --json --data data").ok();
        assert_eq!(shown.matches("\"key-released\"").count(), 3 * (life + 1));
        let refused: Vec<&str> = shown.lines().filter(|line| line.contains("\"refused\"")).collect();
        assert!(
            refused.iter().any(|line| line.contains("user-not-found")),
            "{refused:?}"
        );
        assert!(shown.lines().last().is_some_and(|line| line.contains("log-closed")));
    }
}

#[test]
fn a_result_that_cannot_be_written_has_the_status_of_a_full_disk() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    for line in [
        "subscriber list --data data",
        "audit show --data data",
        "config",
        "explain",
    ] {
        let ran = into_full(&place, line);
        assert_eq!(ran.status, Some(73), "{line}: {ran:?}");
        assert!(ran.stderr.contains("standard output: No space left"), "{line}: {ran:?}");
    }
    for line in [
        format!("subscriber change {SUPI} --akma yes --data data"),
        format!("subscriber change {SUPI} --akma no --json --data data"),
        format!("subscriber allow-reuse {SUPI} --yes --data data"),
        "hn-key generate --profile a --data data".to_owned(),
        format!("subscriber remove {SUPI} --yes --data data"),
    ] {
        let ran = into_full(&place, &line);
        assert_eq!(ran.status, Some(73), "{line}: {ran:?}");
        assert!(
            ran.stderr.contains("done, but the output takes nothing") && !ran.stderr.contains("again"),
            "{line}: {ran:?}"
        );
    }
    let listed = place.kaskade("subscriber list --json --data data").ok();
    assert!(!listed.contains(SUPI), "{listed}");
    // Neither output takes anything.
    let ran = place.run_with(["subscriber", "show", SUPI, "--data", "data"], "", |command| {
        command.stdout(full()).stderr(full());
    });
    assert_eq!(ran.status, Some(67), "{ran:?}");
    let ran = place.run_with(["--color", "x"], "", |command| {
        command.stdout(nobody_reads()).stderr(nobody_reads());
    });
    assert_eq!(ran.status, Some(2), "{ran:?}");
}

#[test]
fn an_export_without_room_leaves_no_file() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    let mut cards = "imsi,k,opc\n".to_owned();
    for number in 0..2000 {
        cards += &format!("00101{number:010},{},{}\n", crate::common::K, crate::common::OPC);
    }
    place.file("cards.csv", &cards);
    place.kaskade("subscriber import cards.csv --data home").ok();
    disk.leave(Some(4));
    let ran = place.kaskade("subscriber export data/all.csv --with-secrets --data home");
    assert_eq!(ran.status, Some(73), "{ran:?}");
    assert!(
        ran.stderr.contains("data/all.csv") && ran.stderr.contains("no file is left"),
        "{ran:?}"
    );
    assert!(!place.path("data/all.csv").exists(), "a part of it is left");
    disk.leave(None);
    place
        .kaskade("subscriber export data/all.csv --with-secrets --data home")
        .ok();
    let lines = fs::read_to_string(place.path("data/all.csv")).expect("a file");
    assert_eq!(lines.lines().count(), 2001);
}

#[test]
fn a_limit_of_the_length_of_files_is_a_full_disk() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    for (line, blocks) in [
        (format!("subscriber remove {SUPI} --yes --data data"), 8),
        ("subscriber export all.csv --data data".to_owned(), 0),
        ("hn-key generate --profile a --data data".to_owned(), 0),
    ] {
        let mut command = place.command();
        let program = command.get_program().to_owned();
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")])
            .arg(program)
            .args(line.split_whitespace())
            .current_dir(place.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command = limited;
        let output = command.output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(73), "{line}: {:?} {said}", output.status);
    }
    place.kaskade(&format!("subscriber show {SUPI} --data data")).ok();
}
