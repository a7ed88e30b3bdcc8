//! How a key or a derivation is written for the program: as its options, and as a shell takes it.

use kaskade_keys::derivation::Row;

/// What tells a derivation from all others: parent and method, as `--via` takes it.
pub fn via(row: &'static Row) -> String {
    let option = option(row.parent);
    let via = format!("{}.{}", option.trim_matches('"'), row.method.replace('_', "-"));
    if option.starts_with('"') {
        format!("\"{via}\"")
    } else {
        via
    }
}

/// A key's name as a shell takes it.
pub fn quoted(name: &str) -> String {
    if name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    {
        name.to_owned()
    } else {
        option(name)
    }
}

/// A key's name as an option takes it: the shortest that still finds it.
pub fn option(name: &str) -> String {
    let mut option = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => option.push(c.to_ascii_lowercase()),
            '*' | '\'' => option.push(c),
            _ if option.ends_with('-') || option.is_empty() => {}
            _ => option.push('-'),
        }
    }
    let option = option.trim_end_matches('-').to_owned();
    if option.contains(['*', '\'']) {
        format!("\"{option}\"")
    } else {
        option
    }
}
