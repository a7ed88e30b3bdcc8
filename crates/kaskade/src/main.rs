//! The key-management system of a mobile network, from K to every key derived from it.
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]

mod admin;
mod command;
mod console;
mod data_dir;
mod exit;
mod footprint;
mod help;
mod hn_keys;
mod li;
mod memory;
mod monitor;
mod patience;
mod record;
mod runtime;
mod secret_input;
mod typed;
mod warnings;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use console::{Colour, Console};

/// The key-management system of a mobile network, from K to every key derived from it
#[derive(Parser, Debug)]
#[command(name = "kaskade", version, arg_required_else_help = true)]
struct Program {
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Colour::Auto, hide_possible_values = true)]
    color: Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Up(command::up::Args),
    Derive(Box<command::derive::Args>),
    Explain(command::explain::Args),
    Ue(command::ue::Args),
    Subscriber(command::subscriber::Args),
    Store(command::store::Args),
    HnKey(command::hn_key::Args),
    Policy(command::policy::Args),
    Context(command::context::Args),
    Emsk(command::emsk::Args),
    Nef(command::nef::Args),
    Akma(command::akma::Args),
    Li(command::li::Args),
    Audit(command::audit::Args),
    Admin(command::admin::Args),
    Bench(command::bench::Args),
    Config(command::config::Args),
    Completions(command::completions::Args),
}

fn main() -> ExitCode {
    let closed = memory::close();
    let read = help::complete(Program::command()).try_get_matches();
    let read = read.and_then(|matches| Ok((Program::from_arg_matches(&matches)?, wants_json(&matches))));
    let (program, json) = match read {
        Ok(read) => read,
        Err(error) => return usage(error),
    };
    let console = Console::new(program.color).with_json_errors(json);
    if let Err(warning) = closed {
        console.note(format!("warning: {warning}"));
    }
    if let Err(error) = runtime::signals::survive_the_limit_of_files() {
        console.note(format!(
            "warning: a limit of the length of files would kill this process: {error}"
        ));
    }
    let result = match &program.command {
        Command::Up(args) => command::up::run(&console, args),
        Command::Derive(args) => command::derive::run(&console, args),
        Command::Explain(args) => command::explain::run(&console, args),
        Command::Ue(args) => command::ue::run(&console, args),
        Command::Subscriber(args) => command::subscriber::run(&console, args),
        Command::Store(args) => command::store::run(&console, args),
        Command::HnKey(args) => command::hn_key::run(&console, args),
        Command::Policy(args) => command::policy::run(&console, args),
        Command::Context(args) => command::context::run(&console, args),
        Command::Emsk(args) => command::emsk::run(&console, args),
        Command::Nef(args) => command::nef::run(&console, args),
        Command::Akma(args) => command::akma::run(&console, args),
        Command::Li(args) => command::li::run(&console, args),
        Command::Admin(args) => command::admin::run(&console, args),
        Command::Audit(args) => command::audit::run(&console, args),
        Command::Bench(args) => command::bench::run(&console, args),
        Command::Config(args) => command::config::run(&console, args),
        Command::Completions(args) => command::completions::run(&console, args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if console::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let error = exit::advised(error);
            console.error(&error);
            ExitCode::from(exit::status(&error))
        }
    }
}

/// Whether the command was asked for JSON.
fn wants_json(mut matches: &ArgMatches) -> bool {
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    matches!(matches.try_get_one("json"), Ok(Some(true)))
}

/// What clap says, without what may be a secret: a K behind the wrong option would be shown.
fn usage(mut error: clap::Error) -> ExitCode {
    typed::withhold(&mut error);
    let text = error.render().to_string();
    let shown = typed::without(&text);
    if !error.use_stderr() || shown == text {
        // There is no other place to complain to.
        let _ = error.print();
    } else {
        console::complain(shown.trim_end());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
