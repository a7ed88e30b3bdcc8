//! What the help of every command has: exit statuses, and paragraphs that the terminal breaks where it ends.

use clap::Command;

const EXIT_STATUS: &str = "Exit status: 0 done; 2 a wrong command line; 65 wrong data, 67 no such subscriber, 69 something else is not \
                           there, 73 no room, 74 disk or store has failed, 75 later it may succeed, 76 a peer does not speak the \
                           protocol, 77 not allowed; 1 anything else. docs/refusals.md has the table.";

/// A command and those below it with that.
pub(crate) fn complete(command: Command) -> Command {
    let below: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect();
    below
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, complete_one))
}

fn complete_one(command: Command) -> Command {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut text = paragraphs(&text);
    if !text.contains("xit status") {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(EXIT_STATUS);
    }
    complete(command.after_help(text))
}

/// Lines of prose that follow one another are one line; whatever is indented, or begins what is, stays.
fn paragraphs(text: &str) -> String {
    let is_prose = |line: &str| !line.is_empty() && !line.starts_with([' ', '\t']);
    let mut whole = String::with_capacity(text.len());
    let mut before = "";
    for line in text.lines() {
        if is_prose(before) && is_prose(line) {
            whole.push(' ');
        } else if !whole.is_empty() {
            whole.push('\n');
        }
        whole.push_str(line);
        before = line;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_one_line() {
        let text = "Examples:\n  kaskade up\n  kaskade down\n\nProse that\ngoes on.\n\nMore:\n  x";
        assert_eq!(
            paragraphs(text),
            "Examples:\n  kaskade up\n  kaskade down\n\nProse that goes on.\n\nMore:\n  x"
        );
    }
}
