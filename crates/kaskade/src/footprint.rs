//! How much memory a node takes at most, out of its configuration, and whether this process may have so much.

use std::path::{Path, PathBuf};

use kaskade::config::{Config, Role};
use kaskade_net::nrf::PEERS_OCTETS;
use kaskade_net::role::ausf::{ANCHOR_KEYS_OCTETS, ContextLimits, REPORTS_OCTETS};
use kaskade_net::role::budget::BUCKETS_OCTETS;
use kaskade_net::role::nef::NEF_OCTETS;
use kaskade_net::role::udm::{EventLimits, GIVEN_OCTETS, RUNNING_OCTETS};
use kaskade_net::role::usage_keys::CALLBACKS_OCTETS;
use kaskade_net::sbi::token::TOKENS_OCTETS;
use kaskade_store::embedded::EmbeddedEngine;
use rustix::process::{Resource, getrlimit};

use crate::admin;
use crate::data_dir::subscribers_in;
use crate::record;
use crate::runtime::{limits, roles};

/// Threads that wait for the disk, at most: what waits beyond them waits in line.
pub(crate) const BLOCKING_THREADS: usize = 16;

/// The program itself with an empty store, in octets: 36 to 48 MiB measured.
const PROGRAM_OCTETS: usize = 64 << 20;

/// Addresses that are reserved and never used, in octets, which RLIMIT_AS counts all the same: the allocator's arenas, and
/// the stack of each thread.
const ARENAS: usize = 4 * (64 << 20);
const STACK: usize = 2 << 20;

/// The most that a node takes, by what takes it, in octets.
pub(crate) struct Footprint(Vec<(&'static str, usize)>);

/// How many remember whom the NRF knows.
fn discovered(config: &Config) -> usize {
    let of = |runs: bool, by_nrf: bool| usize::from(runs && by_nrf);
    let nef = config.nef.aanfs.0.iter().filter(|(_, aanf)| aanf.by_nrf).count();
    of(config.runs(Role::Ausf), config.ausf.aanf.by_nrf)
        + of(config.runs(Role::Aanf), config.aanf.reauthentication.udm.by_nrf)
        + if config.runs(Role::Nef) { nef } else { 0 }
}

/// What an AAnF remembers of subscribers who are to be authenticated again.
fn reauthentications(config: &Config) -> usize {
    match config.aanf.reauthentication.enabled {
        true => config.aanf.reauthentication.limits().octets_at_most(),
        false => 0,
    }
}

impl Footprint {
    /// Of a node with this configuration.
    pub(crate) fn of(config: &Config) -> Self {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let peers = limits::limits(config).worst_case(threads());
        let contexts = ContextLimits {
            pending: count(config.ausf.max_contexts),
            results: count(config.ausf.max_results),
            ..ContextLimits::default()
        };
        let events = EventLimits {
            all: count(config.udm.max_events),
            ..EventLimits::default()
        };
        let visitors = kaskade_net::admin::Limits::default().octets();
        let listeners = [config.admin.listen.is_some(), config.li.directory.is_some()];
        let listeners = 1 + listeners.iter().filter(|there| **there).count();
        let of = |role: Role, octets: usize| if config.runs(role) { octets } else { 0 };
        Self(vec![
            ("requests", peers.requests),
            ("connections", peers.connections),
            ("handshakes", peers.handshakes),
            ("headers", peers.headers),
            ("challenges", of(Role::Ausf, contexts.octets_of_pending())),
            ("eap", of(Role::Ausf, contexts.octets_of_eap())),
            ("results", of(Role::Ausf, contexts.octets_of_results())),
            ("reports", if config.has_udm() { events.octets_at_most() } else { 0 }),
            ("radius", of(Role::Aaa, roles::radius_octets(config))),
            (
                "emsk",
                if config.has_usage_keys() {
                    roles::usage_keys_options(config)
                        .octets_at_most()
                        .saturating_add(BUCKETS_OCTETS)
                } else {
                    0
                },
            ),
            // What it knows of subscribers is in the store.
            (
                "akma",
                of(
                    Role::Aanf,
                    CALLBACKS_OCTETS + BUCKETS_OCTETS + reauthentications(config),
                ),
            ),
            ("nef", of(Role::Nef, NEF_OCTETS)),
            ("discovery", discovered(config).saturating_mul(PEERS_OCTETS)),
            // UDM and AUSF have their own.
            ("buckets", 2 * BUCKETS_OCTETS + GIVEN_OCTETS + RUNNING_OCTETS),
            (
                "n13",
                match &config.ausf.udm.url {
                    Some(_) => of(Role::Ausf, REPORTS_OCTETS + contexts.octets_of_links()),
                    None => 0,
                },
            ),
            (
                "anchor keys",
                if config.has_anchor_keys() {
                    let reports = if config.ausf.udm.url.is_some() {
                        0
                    } else {
                        REPORTS_OCTETS
                    };
                    ANCHOR_KEYS_OCTETS + reports
                } else {
                    0
                },
            ),
            (
                "tokens",
                if config.oauth2.keys.0.is_empty() {
                    0
                } else {
                    TOKENS_OCTETS
                },
            ),
            ("audit", record::audit_options(config).map_or(0, |audit| audit.memory())),
            (
                "store",
                count(
                    config
                        .store
                        .cache_mib
                        .saturating_mul(1 << 20)
                        .saturating_add(pages(config)),
                ),
            ),
            (
                "administration",
                // The socket, the address where there is one, and the socket of interception.
                admin::OCTETS.saturating_add(visitors.saturating_mul(listeners)),
            ),
            ("program", PROGRAM_OCTETS),
        ])
    }

    /// All of it together.
    pub(crate) fn octets(&self) -> usize {
        self.0.iter().fold(0, |sum, (_, octets)| sum.saturating_add(*octets))
    }

    /// The sum and its parts in one line.
    pub(crate) fn sentence(&self) -> String {
        let parts = self.0.iter().map(|(name, octets)| format!("{name} {}", mib(*octets)));
        let parts = parts.collect::<Vec<_>>().join(", ");
        format!("{} MiB at most: {parts}", mib(self.octets()))
    }

    /// What to know where the process may not have so much.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.beyond(&bounds())
    }

    fn beyond(&self, bounds: &[Bound]) -> Vec<String> {
        let beyond = bounds
            .iter()
            .filter(|bound| self.octets().saturating_add(bound.reserved) > bound.octets);
        beyond
            .map(|bound| {
                let reserved = match bound.reserved {
                    0 => String::new(),
                    octets => format!(" and {} MiB of reserved addresses", mib(octets)),
                };
                format!(
                    "this node may take {} MiB of memory{reserved}, and {} allows {} MiB: lower `limits`, `ausf.max_contexts`, \
                     `ausf.max_results`, `udm.max_events` or `store.cache_mib`, or allow more, or peers can end it",
                    mib(self.octets()),
                    bound.name,
                    mib(bound.octets)
                )
            })
            .collect()
    }
}

/// What is known of the pages of the store as large as it is now.
fn pages(config: &Config) -> u64 {
    let file = std::fs::metadata(subscribers_in(&config.data_dir));
    file.map_or(0, |file| EmbeddedEngine::memory_besides_cache(file.len()))
}

/// Rounded up.
fn mib(octets: usize) -> usize {
    octets.div_ceil(1 << 20)
}

/// Threads of the runtime.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Something that bounds the memory of this process.
struct Bound {
    name: String,
    octets: usize,
    /// What it counts beside memory in use, in octets.
    reserved: usize,
}

fn bounds() -> Vec<Bound> {
    let count = |octets: u64| usize::try_from(octets).unwrap_or(usize::MAX);
    let mut bounds = Vec::new();
    if let Some(octets) = getrlimit(Resource::As).current {
        bounds.push(Bound {
            name: "RLIMIT_AS".into(),
            octets: count(octets),
            reserved: ARENAS + (threads() + BLOCKING_THREADS) * STACK,
        });
    }
    if let Some(octets) = getrlimit(Resource::Data).current {
        bounds.push(Bound {
            name: "RLIMIT_DATA".into(),
            octets: count(octets),
            reserved: 0,
        });
    }
    if let Some((file, octets)) = of_control_group(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup")) {
        bounds.push(Bound {
            name: file.display().to_string(),
            octets: count(octets),
            reserved: 0,
        });
    }
    if let Some(octets) = of_machine() {
        bounds.push(Bound {
            name: "the machine".into(),
            octets: count(octets),
            reserved: 0,
        });
    }
    bounds
}

/// The least that the control group of this process and those above it allow, and the file that says so.
fn of_control_group(own: &Path, root: &Path) -> Option<(PathBuf, u64)> {
    let own = std::fs::read_to_string(own).ok()?;
    let mut least: Option<(PathBuf, u64)> = None;
    for line in own.lines() {
        // Hierarchy, controllers, path: version 2 has no controllers there.
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, name) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            "memory" => (root.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let file = root.join(group).join(name);
            let octets = std::fs::read_to_string(&file)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            if let Some(octets) = octets
                && least.as_ref().is_none_or(|(_, least)| octets < *least)
            {
                least = Some((file, octets));
            }
        }
    }
    least
}

fn of_machine() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_raised_in_the_configuration_is_in_the_sum() {
        let usual = Footprint::of(&Config::default()).octets();
        let mut raised = Vec::new();
        let mut raise = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            raised.push(Footprint::of(&config).octets());
        };
        raise(|config| config.limits.requests_mib += 1);
        raise(|config| config.limits.max_connections += 1);
        raise(|config| config.limits.max_handshakes += 1);
        raise(|config| config.limits.max_streams += 1);
        raise(|config| config.ausf.max_contexts *= 2);
        raise(|config| config.ausf.max_results *= 2);
        raise(|config| config.udm.max_events *= 2);
        raise(|config| config.store.cache_mib += 1);
        raise(|config| config.ausf.udm.url = Some("https://udm.example.org".to_owned()));
        raise(|config| config.oauth2.keys.0.push(("nrf".to_owned(), "nrf.pem".into())));
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config {
            data_dir: folder.path().to_owned(),
            ..Config::default()
        };
        // Nothing is written: a file may have holes.
        let file = std::fs::File::create(subscribers_in(folder.path())).expect("a file");
        file.set_len(1 << 30).expect("long");
        raised.push(Footprint::of(&config).octets());
        assert_eq!(raised.len(), 11);
        assert!(raised.iter().all(|octets| *octets > usual), "{raised:?} {usual}");
        // An AAA server takes its part where it runs.
        let mut radius = Config::default();
        let before = Footprint::of(&radius).octets();
        radius.run(Role::Aaa);
        let usual = Footprint::of(&radius).octets();
        assert!(usual > before);
        radius.aaa.max_runs *= 2;
        let more = Footprint::of(&radius).octets();
        radius.aaa.max_reauthentications *= 2;
        let most = Footprint::of(&radius).octets();
        assert!(usual < more && more < most);
        radius.aaa.erp = true;
        radius.aaa.erp_domain = Some("example.org".to_owned());
        assert!(most < Footprint::of(&radius).octets());
        // And keys below the EMSK where there are any.
        let parse = |text: &str| Config::parse(text, Path::new("k.toml")).expect(text);
        let octets = |text: &str| Footprint::of(&parse(text)).octets();
        let none = octets("");
        let some = octets("[emsk]\n");
        assert!(none < some);
        assert!(some < octets("[emsk]\nmost = 65537\n") && some < octets("[emsk]\nmost_holders = 65537\n"));
        let aanf = "[udm]\nuecm = true\n[aanf]\n[aanf.reauthentication]\nenabled = true\n";
        assert!(octets(aanf) < octets(&format!("{aanf}most = 65537\n")));
        assert!(octets("[udm]\nuecm = true\n[aanf]\n") < octets(aanf));
        // A UDM alone asks no other.
        let mut alone = Config::default();
        alone.keep_roles(&[Role::Udm]).expect("one role");
        let before = Footprint::of(&alone).octets();
        alone.ausf.udm.url = Some("https://udm.example.org".to_owned());
        assert_eq!(Footprint::of(&alone).octets(), before);
        let mut most = Config::default();
        most.limits.max_connections = u64::MAX;
        assert_eq!(Footprint::of(&most).octets(), usize::MAX);
    }

    #[test]
    fn who_may_not_have_so_much_is_told() {
        let footprint = Footprint::of(&Config::default());
        let bound = |octets, reserved| Bound {
            name: "RLIMIT_AS".into(),
            octets,
            reserved,
        };
        let octets = footprint.octets();
        assert!(footprint.beyond(&[bound(octets, 0), bound(octets + 5, 5)]).is_empty());
        let [warning] = &*footprint.beyond(&[bound(octets, 1)]) else {
            panic!("one warning");
        };
        assert!(
            warning.contains("RLIMIT_AS") && warning.contains(&mib(octets).to_string()),
            "{warning}"
        );
    }

    #[test]
    fn the_tightest_of_all_control_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("own");
        let group = root.path().join("a/b");
        std::fs::create_dir_all(&group).unwrap();
        std::fs::write(&own, "1:cpu:/x\n0::/a/b\n").unwrap();
        assert_eq!(of_control_group(&own, root.path()), None);
        std::fs::write(group.join("memory.max"), "max\n").unwrap();
        std::fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        let found = of_control_group(&own, root.path());
        assert_eq!(found, Some((root.path().join("a/memory.max"), 1000)));
        std::fs::write(group.join("memory.max"), "999\n").unwrap();
        assert_eq!(of_control_group(&own, root.path()).unwrap().1, 999);
        // Version 1.
        std::fs::write(&own, "9:memory:/c\n").unwrap();
        std::fs::create_dir_all(root.path().join("memory/c")).unwrap();
        std::fs::write(root.path().join("memory/c/memory.limit_in_bytes"), "7\n").unwrap();
        assert_eq!(of_control_group(&own, root.path()).unwrap().1, 7);
    }
}
