//! How the program ends, and what it leaves in memory.
#![allow(clippy::print_stderr, reason = "what cannot be tried here is said")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{K, OPC, Place, SUPI, Up, mode};

fn command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap_or_default()).args(words).output();
    output.is_ok_and(|output| output.status.success())
}

/// A disk that stops taking anything: an image on a small file system in memory, whose space is taken away.
struct Disk {
    below: PathBuf,
    mounted: PathBuf,
}

impl Disk {
    /// `None` without the right to mount.
    fn new(place: &Place) -> Option<Self> {
        let disk = Self {
            below: place.path("below"),
            mounted: place.path("disk"),
        };
        fs::create_dir(&disk.below).expect("a folder");
        fs::create_dir(&disk.mounted).expect("a folder");
        let (below, image) = (disk.below.display(), disk.image().display().to_string());
        let done = command(&format!("mount -t tmpfs -o size=6m tmpfs {below}"))
            && command(&format!("truncate -s 16m {image}"))
            && command(&format!("mkfs.ext4 -q -O ^has_journal {image}"))
            && command(&format!("mount -o loop {image} {}", disk.mounted.display()));
        done.then_some(disk)
    }

    fn image(&self) -> PathBuf {
        self.below.join("image")
    }

    fn fail(&self) {
        assert!(command("sync"));
        let image = self.image();
        assert!(command(&format!("fallocate -p -o 0 -l 16777216 {}", image.display())));
        // It ends when there is no space left.
        command(&format!("dd if=/dev/zero of={}/fill bs=64k", self.below.display()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        command(&format!("umount -l {}", self.mounted.display()));
        command(&format!("umount -l {}", self.below.display()));
    }
}

#[test]
fn a_failed_sync_ends_the_process_with_its_own_status() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else {
        kaskade_oracle::not_here("the right to mount a file system from an image");
        return;
    };
    place
        .with_secrets(&format!(
            "subscriber add --supi {SUPI} --sqn-scheme NON_TIME_BASED --data disk/data"
        ))
        .ok();
    place.file(
        "kaskade.toml",
        "data_dir = \"disk/data\"\n[audit]\nsegment_bytes = 1048576\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    let up = Up::start(&place, "up --config kaskade.toml");
    let attach = format!(
        "ue attach --ausf {} --supi {SUPI} --home 001-01 --state s.json",
        up.ausf
    );
    disk.fail();
    // The first number of a subscriber with a counter needs a reservation.
    let said = place.with_secrets(&attach).refused();
    // The answer, or a connection that ended before it: an error either way.
    assert!(said.contains("gave no challenge"), "{said}");
    let (status, log) = up.ends_within(Duration::from_secs(20));
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(
        log.contains("status 74") && log.contains("the subscriber store failed"),
        "{log}"
    );
    assert!(!log.contains("panicked"), "{log}");
    assert!(
        place.kaskade("up --help").ok().contains("74 when the store"),
        "the status is documented"
    );
}

/// The store is well, and the audit log cannot be brought to its end.
#[test]
fn an_end_that_is_not_on_record_has_a_status() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else {
        kaskade_oracle::not_here("the right to mount a file system from an image");
        return;
    };
    let config = "data_dir = \"data\"\n[audit]\nfolder = \"disk/audit\"\nsegment_bytes = 1048576\n\
                  [policy]\nserving_networks = [\"001-01\"]\n";
    place.file("kaskade.toml", config);
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --config kaskade.toml"))
        .ok();
    let up = Up::start(&place, "up --config kaskade.toml");
    disk.fail();
    // Its entries are the last, whatever it is told.
    place.with_secrets(&format!(
        "ue attach --ausf {} --supi {SUPI} --home 001-01 --state s.json",
        up.ausf
    ));
    up.signal("-TERM");
    let (status, log) = up.ends_within(Duration::from_secs(20));
    assert!(log.contains("stopped, but not all of it is on record"), "{log}");
    assert!(status.code().is_some_and(|code| code != 0), "{status}: {log}");
}

/// Octets of the memory of a process, region by region, with the lines of its map.
fn writable_memory(pid: u32) -> Option<Vec<(u64, Vec<u8>)>> {
    use std::os::unix::fs::FileExt;

    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let memory = fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut regions: Vec<(u64, Vec<u8>)> = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        for page in (start..end).step_by(4096) {
            let mut octets = vec![0; 4096];
            // What was never touched may not be readable.
            if memory.read_exact_at(&mut octets, page).is_ok() {
                match regions.last_mut() {
                    Some((begin, region)) if *begin + region.len() as u64 == page => region.extend(octets),
                    _ => regions.push((page, octets)),
                }
            }
        }
    }
    Some(regions)
}

fn places_of(needle: &[u8], regions: &[(u64, Vec<u8>)]) -> Vec<u64> {
    let found = |(begin, region): &(u64, Vec<u8>)| {
        let at = |(at, window): (usize, &[u8])| (window == needle).then_some(begin + at as u64);
        region
            .windows(needle.len())
            .enumerate()
            .filter_map(at)
            .collect::<Vec<_>>()
    };
    regions.iter().flat_map(found).collect()
}

fn running(place: &Place) -> Up {
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place.kaskade("hn-key generate --profile a --data data").ok();
    place.kaskade("hn-key generate --profile b --data data").ok();
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    let up = Up::start(place, "up --config kaskade.toml");
    let attach = format!(
        "ue attach --ausf {} --supi {SUPI} --home 001-01 --sqn-ms 0 --repeat 3",
        up.ausf
    );
    let attach = attach.replace("--sqn-ms 0 ", "");
    place.with_secrets(&attach).ok();
    up
}

#[test]
fn nobody_looks_into_the_process_and_it_leaves_no_core() {
    let place = Place::new();
    let up = running(&place);
    let pid = up.pid();
    let limits = format!("/proc/{pid}/limits");
    assert!(
        fs::read_to_string(&limits).expect("limits").lines().any(
            |line| line.starts_with("Max core file size") && line.split_whitespace().skip(4).take(2).eq(["0", "0"])
        ),
        "{}",
        fs::read_to_string(&limits).expect("limits")
    );
    up.stop();
}

/// What the system does not dump belongs to root in /proc, so that nobody else opens it.
#[test]
fn other_processes_of_the_same_user_do_not_look_into_it() {
    let shared = tempfile::tempdir().expect("a folder");
    mode(shared.path(), 0o755);
    let program = shared.path().join("kaskade");
    fs::copy(env!("CARGO_BIN_EXE_kaskade"), &program).expect("copied");
    mode(&program, 0o755);
    let start = |uid: Option<u32>, command: &mut Command| {
        if let Some(uid) = uid {
            command.uid(uid).gid(uid);
        }
        command
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    };
    // As root: somebody else. As anybody else: this user.
    let us = fs::metadata("/proc/self").expect("ourselves").uid();
    let uid = (us == 0).then_some(65_534);
    let whose = uid.unwrap_or(us);
    let owner = |child: &std::process::Child| {
        let begin = Instant::now();
        loop {
            let uid = fs::metadata(format!("/proc/{}/environ", child.id()))
                .expect("it waits")
                .uid();
            // It says so among the first things that it does.
            if uid == 0 || begin.elapsed() > Duration::from_secs(3) {
                return uid;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let mut ordinary = start(uid, Command::new("cat").arg("-")).expect("cat");
    assert_eq!(owner(&ordinary), whose, "another program: it can be seen");
    let arguments = ["subscriber", "add", "--supi", SUPI, "--k-file", "-", "--opc-file", "-"];
    let mut ours = start(uid, Command::new(&program).args(arguments)).expect("it starts");
    assert_eq!(owner(&ours), 0);
    for child in [&mut ordinary, &mut ours] {
        // It waits for its input; what becomes of it does not matter.
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[test]
fn the_master_key_is_gone_after_the_start() {
    let place = Place::new();
    let up = running(&place);
    let Some(regions) = writable_memory(up.pid()) else {
        kaskade_oracle::not_here("root, who looks into the process");
        return;
    };
    let file = fs::read(place.path("data/master.key")).expect("the key file");
    let master = file.get(8..40).expect("32 octets");
    assert!(regions.iter().map(|(_, region)| region.len()).sum::<usize>() > 1 << 20);
    // Something that must be there: the search finds what there is.
    assert!(!places_of(b"KASKADE", &regions).is_empty() || !places_of(b"imsi-001", &regions).is_empty());
    assert_eq!(
        places_of(master, &regions),
        Vec::<u64>::new(),
        "the master key is in memory"
    );
    for part in master.chunks(16) {
        assert_eq!(
            places_of(part, &regions),
            Vec::<u64>::new(),
            "half of the master key is in memory"
        );
    }
    up.stop();
}

#[test]
fn memory_is_locked_where_it_may_be() {
    let place = Place::new();
    let up = running(&place);
    let pid = up.pid();
    let may = {
        let status = fs::read_to_string("/proc/self/status").expect("status");
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("CapEff:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or_default();
        mask >> 14 & 1 == 1
    };
    let locked = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let kib: u64 = locked
        .lines()
        .find_map(|line| line.strip_prefix("VmLck:"))
        .and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
        .expect("VmLck");
    if may {
        assert!(kib > 1024, "{kib} KiB are locked");
    } else {
        assert!(kib > 0, "not even the pages of the keys are locked");
    }
    up.stop();
}

/// What `up` says of its memory counts the threads that it has: the environment of the runtime changes neither.
#[test]
fn the_threads_are_those_of_the_sum() {
    let place = Place::new();
    let here = std::thread::available_parallelism().map_or(1, usize::from);
    let asked = here + 40;
    let up = Up::start_with(&place, "up --data data", |command| {
        command.env("TOKIO_WORKER_THREADS", asked.to_string());
    });
    let tasks = fs::read_dir(format!("/proc/{}/task", up.pid())).expect("its threads");
    let names = tasks.map(|task| fs::read_to_string(task.expect("a thread").path().join("comm")).unwrap_or_default());
    let workers = names.filter(|name| name.starts_with("tokio")).count();
    // Beside them are threads that wait for the disk, 16 at most.
    assert!((here..=here + 16).contains(&workers), "{workers} of {here}");
    up.stop();
}

#[test]
fn stops_soon_when_it_is_asked_to() {
    let place = Place::new();
    let up = running(&place);
    let begin = Instant::now();
    up.stop();
    assert!(begin.elapsed() < Duration::from_secs(10));
}

/// Whoever comes first makes the folder; the others are told to come again, or come after it.
#[test]
fn commands_that_make_the_same_folder_at_once_end_in_order() {
    let place = Place::new();
    for round in 0..4 {
        let add = |number: usize| {
            let supi = format!("imsi-00101000000000{number}");
            let arguments = ["subscriber", "add", "--supi", &supi, "--k", K, "--opc", OPC, "--data"];
            let mut command = place.command();
            command.args(arguments).arg(format!("new-{round}"));
            command
        };
        let started: Vec<_> = (1..=4)
            .map(|number| {
                let mut command = add(number);
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                command.spawn().expect("it starts")
            })
            .collect();
        let mut done = 0;
        for child in started {
            let ended = child.wait_with_output().expect("it ends");
            let said = String::from_utf8_lossy(&ended.stderr);
            match ended.status.code() {
                Some(0) => done += 1,
                Some(75) => assert!(
                    said.contains("a node or another command has it open")
                        || said.contains("another command is making"),
                    "{said}"
                ),
                _ => panic!("{:?}: {said}", ended.status),
            }
        }
        assert!(done > 0);
        assert!(add(5).output().expect("it ends").status.success());
        let list = place
            .kaskade(&format!("subscriber list --json --data new-{round}"))
            .ok();
        assert_eq!(list.matches("\"supi\"").count(), done + 1, "{list}");
    }
}

/// A store is opened to write also where nothing of it is changed.
#[test]
fn who_looks_at_a_read_only_file_system_is_told_to_copy_it() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else {
        kaskade_oracle::not_here("the right to mount a file system from an image");
        return;
    };
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data disk/data"))
        .ok();
    let mounted = disk.mounted.display();
    assert!(command(&format!("mount -o remount,ro {mounted}")));
    for line in ["store check", "subscriber list", "subscriber export -", "audit verify"] {
        let ran = place.kaskade(&format!("{line} --data disk/data"));
        assert_eq!(ran.status, Some(74), "{line}: {ran:?}");
        assert!(ran.stderr.contains("copy the data folder"), "{line}: {ran:?}");
    }
    // What only reads files does so.
    place.kaskade("audit show --data disk/data").ok();
}
