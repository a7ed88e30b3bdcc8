//! Waits for what passes by itself: another command that makes the folder, a node that is starting.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use kaskade::config::Config;
use kaskade_faults::fault;
use kaskade_flow::Refusal;

use crate::admin::link::Purpose;
use crate::admin::{Link, LinkArgs, socket};
use crate::data_dir::DataDir;
use crate::exit;
use crate::runtime::store::is_in_use;

/// As long as a command is in the way of another, at most.
const LONGEST: Duration = Duration::from_secs(5);
const BETWEEN: Duration = Duration::from_millis(50);

/// Tries until nobody is in the way any more, for some seconds; not where `is_hopeless` says that somebody stays.
pub(crate) fn patiently<T>(mut work: impl FnMut() -> Result<T>, is_hopeless: impl Fn() -> bool) -> Result<T> {
    let begun = Instant::now();
    loop {
        match work() {
            Err(error)
                if exit::why(&error) == Some(Refusal::InWork)
                    && begun.elapsed() < LONGEST
                    && !is_hopeless()
                    && !fault!("nobody-waited-for") =>
            {
                sleep(BETWEEN);
            }
            done => return done,
        }
    }
}

/// Whether a node answers in this data folder.
pub(crate) fn a_node_answers(folder: &Path) -> bool {
    matches!(socket::connect(folder), Ok(Some(_)))
}

/// The way to the operations, as [`Link::open`] finds it: a node that is just starting is waited for.
pub(crate) fn open_link(
    args: &LinkArgs,
    config: &Config,
    purpose: Purpose,
    mut told: impl FnMut(&DataDir),
) -> Result<Link> {
    let opened = patiently(|| Link::open(args, config, purpose, &mut told), || args.offline);
    opened.map_err(|error| {
        if args.offline || !is_in_use(&error) {
            return error;
        }
        let socket = socket::path(&config.data_dir);
        let text = match socket.exists() {
            true => format!("nobody answers at {}", socket.display()),
            false => format!("there is no {} by which a node could be asked", socket.display()),
        };
        error.context(text)
    })
}
