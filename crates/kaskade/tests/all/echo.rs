//! No error repeats what was typed in the wrong place: it may be K, in whatever alphabet.

use crate::common::{K, OPC, Place, SUPI};

/// K in hexadecimal, in Base64 of both alphabets, and with blanks.
const SECRETS: [&str; 5] = [
    K,
    "Rltc6LGZtJ+qXwou4jimvA==",
    "Rltc6LGZtJ-qXwou4jimvA",
    "465b5ce8 b199b49f aa5f0a2e e238a6bc",
    "Rltc6LGZ tJ+qXwou 4jimvA==",
];

/// The first part of a secret that is long enough to be told.
fn shows(text: &str, secret: &str) -> bool {
    text.contains(secret) || text.contains(&secret[..8])
}

/// The commands that end by themselves, with their options.
fn commands(place: &Place) -> Vec<(String, Vec<String>)> {
    let mut commands = Vec::new();
    let mut left = vec![String::new()];
    while let Some(command) = left.pop() {
        let help = place.kaskade(&format!("{command} --help")).ok();
        let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        for line in listed.lines().take_while(|line| !line.is_empty()) {
            // Lines that go on are indented further.
            if let Some(name) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) {
                let name = name.split(' ').next().unwrap_or_default();
                if !["help", "up", "bench"].contains(&name) {
                    left.push(format!("{command} {name}").trim().to_owned());
                }
            }
        }
        let options = help.lines().filter_map(|line| {
            let option = line
                .split_once("--")
                .filter(|(before, _)| before.trim_end_matches([' ', ',']).len() <= 4)?
                .1;
            let end = option.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            Some(format!("--{}", &option[..end.unwrap_or(option.len())]))
        });
        let options = options.collect();
        commands.push((command, options));
    }
    commands
}

#[test]
fn no_option_repeats_a_secret() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    let commands = commands(&place);
    assert!(commands.len() > 20, "{commands:?}");
    let mut refused = 0;
    for (command, options) in commands {
        let all = command.starts_with("subscriber add");
        assert!(!all || options.len() > 20, "{options:?}");
        for (at, option) in options.iter().enumerate().filter(|(_, option)| *option != "--help") {
            for (n, secret) in SECRETS.iter().enumerate() {
                // One in each alphabet for the command that takes K, one for each option of the others.
                if !all && (at + n) % SECRETS.len() != 0 {
                    continue;
                }
                let joined = format!("{option}={secret}");
                let mut arguments: Vec<&str> = command.split_whitespace().collect();
                arguments.push(&joined);
                if all {
                    arguments.extend(["--k", K, "--opc", OPC]);
                    arguments.extend((option != "--supi").then_some(["--supi", SUPI]).into_iter().flatten());
                }
                let run = place.run(arguments.iter().copied());
                // A folder that it made by this name would be known to the next run.
                let _ = std::fs::remove_dir_all(place.path(secret));
                let _ = std::fs::remove_file(place.path(secret));
                if run.success {
                    continue;
                }
                refused += 1;
                let said = format!("{}{}", run.stdout, run.stderr);
                assert!(!shows(&said, secret), "{command} {joined}: {said}");
            }
        }
        for secret in SECRETS {
            let mut arguments: Vec<&str> = command.split_whitespace().collect();
            arguments.push(secret);
            let run = place.run(arguments.iter().copied());
            let dashed = format!("--{secret}");
            *arguments.last_mut().expect("the secret") = &dashed;
            for run in [run, place.run(arguments.iter().copied())] {
                let said = format!("{}{}", run.stdout, run.stderr);
                assert!(run.success || !shows(&said, secret), "{command} {secret}: {said}");
            }
        }
    }
    assert!(refused > 200, "{refused}");
    // What is harmless is still said.
    let said = place.kaskade("subscriber ad").refused();
    assert!(said.contains("'ad'"), "{said}");
    let said = place
        .kaskade("subscriber import cards-of-2024.csv --data data")
        .refused();
    assert!(said.contains("cards-of-2024.csv"), "{said}");
}

#[test]
fn no_column_or_field_repeats_a_secret() {
    let place = Place::new();
    let heading = "supi,k,opc,algorithm,tuak_iterations,res_octets,amf,sqn_scheme,sqn,methods,gpsi,routing_indicator,akma,best,eps_profile";
    let names: Vec<_> = heading.split(',').collect();
    let mut refused = 0;
    let mut check = |file: &str, text: &str, secret: &str| {
        place.file(file, text);
        let run = place.kaskade(&format!("subscriber import {file} --dry-run --data data"));
        refused += usize::from(!run.success);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(!shows(&said, secret), "{text}: {said}");
    };
    for secret in SECRETS {
        check("a.csv", &format!("supi,{secret}\nimsi-00101,1\n"), secret);
        check("a.csv", &format!("{secret}\n"), secret);
        check("a.toml", &format!("[[subscriber]]\n\"{secret}\" = \"1\"\n"), secret);
        check(
            "a.toml",
            &format!("[[subscriber]]\n\"{secret}\" = 1\n\"{secret}\" = 2\n"),
            secret,
        );
        check("a.toml", &format!("[[subscriber]]\n{secret} = {secret}\n"), secret);
        check("a.toml", &format!("[\"{secret}\"]\n"), secret);
        for name in &names {
            let value = |column: &&str| match *column {
                column if column == *name => secret,
                "supi" => SUPI,
                "k" => K,
                "opc" => OPC,
                _ => "",
            };
            let values: Vec<_> = names.iter().map(value).collect();
            check("a.csv", &format!("{heading}\n{}\n", values.join(",")), secret);
            let fields = names.iter().zip(&values).filter(|(_, value)| !value.is_empty());
            let fields: String = fields.map(|(name, value)| format!("{name} = \"{value}\"\n")).collect();
            check("a.toml", &format!("[[subscriber]]\n{fields}"), secret);
        }
        place.file("kaskade.toml", &format!("[udm]\n\"{secret}\" = 1\n"));
        let said = place.kaskade("config check kaskade.toml").refused();
        assert!(!shows(&said, secret), "{said}");
    }
    assert!(refused > 100, "{refused}");
}
