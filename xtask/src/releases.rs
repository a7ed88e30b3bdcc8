//! Who may turn a guarded result into a durable one, and who may take one out (`kaskade_flow::release`).
//!
//! Rust cannot name crates in a visibility: what only some may call has names of its own, which stand in the sources of
//! [`CALLS`] and nowhere else. The sources are read as tokens, so that a call in the body of a macro is found too, and
//! another name for it (`use … as`, a path to the function) is none. Test code is free.

use crate::sans_io::{attributes, of_tests};
use crate::shell;
use anyhow::{Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use std::path::Path;
use syn::Item;

/// Where the calls are declared.
const DECLARED: &str = "crates/kaskade-flow/src/release.rs";

/// Names of calls, the files or folders that may name them, and why.
const CALLS: &[(&[&str], &[&str], &str)] = &[
    (
        &["made_durable", "known_to_store"],
        &["crates/kaskade-store/src/"],
        "only the store knows what is durable",
    ),
    (
        &["release_to_peer"],
        &[
            "crates/kaskade-net/src/sbi/message.rs",
            "crates/kaskade-net/src/radius/answer.rs",
            "crates/kaskade-net/src/hostapd_auc.rs",
        ],
        "only a writer of answers tells what is released",
    ),
    (
        &["kept_by_card"],
        &["crates/kaskade-ue/src/eap.rs"],
        "only a device knows what its card keeps",
    ),
    (
        &["told_by_peer"],
        &["crates/kaskade-net/src/sbi/client.rs"],
        "only a client knows what a peer has told",
    ),
];

/// Findings in the sources of all crates, each as `FILE:LINE: …`.
pub(crate) fn check() -> Result<Vec<String>> {
    let crates = shell::root().join("crates");
    let sources: Vec<_> = shell::files(&crates, "rs")?
        .into_iter()
        .filter(|path| is_source(&shell::relative(path)))
        .collect();
    let mut files = Vec::new();
    let mut of_tests = Vec::new();
    for path in &sources {
        let text = std::fs::read_to_string(path)?;
        let file = syn::parse_file(&text).map_err(|error| {
            let line = error.span().start().line;
            anyhow!("{}:{line}: {error}", shell::relative(path))
        })?;
        let mut named = Vec::new();
        items(&file.items, &below(path), &mut named, &mut of_tests);
        files.push((shell::relative(path), named));
    }
    let of_tests: Vec<String> = of_tests.iter().map(|path| shell::relative(path)).collect();
    let is_test = |name: &str| {
        let module = name.trim_end_matches(".rs").trim_end_matches("/mod");
        of_tests
            .iter()
            .any(|test| module == test || module.starts_with(&format!("{test}/")))
    };
    Ok(files
        .iter()
        .filter(|(name, _)| !is_test(name))
        .flat_map(|(name, named)| judge(name, named))
        .collect())
}

/// Whether a file is compiled into a library or a program.
fn is_source(name: &str) -> bool {
    name.split('/').nth(2) == Some("src")
}

/// Where the modules of a file are, without `.rs`.
fn below(path: &Path) -> std::path::PathBuf {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("lib.rs" | "main.rs" | "mod.rs") => path.parent().unwrap_or(path).to_owned(),
        _ => path.with_extension(""),
    }
}

/// What is wrong with the names in a file.
fn judge(file: &str, named: &[(usize, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (line, name) in named {
        let Some((_, allowed, why)) = CALLS.iter().find(|(names, ..)| names.contains(&name.as_str())) else {
            continue;
        };
        let may = |place: &&str| file == *place || place.ends_with('/') && file.starts_with(place);
        if file != DECLARED && !allowed.iter().any(may) {
            findings.push(format!(
                "{file}:{line}: names {name}, which {} alone may: {why}",
                allowed.join(", ")
            ));
        }
    }
    findings
}

/// The names among items that are compiled outside tests, and the modules that are not.
fn items(items_: &[Item], folder: &Path, named: &mut Vec<(usize, String)>, tests: &mut Vec<std::path::PathBuf>) {
    for item in items_ {
        if let Item::Mod(module) = item {
            let inner = folder.join(module.ident.to_string());
            if module.attrs.iter().any(of_tests) {
                tests.push(inner);
                continue;
            }
            if let Some((_, within)) = &module.content {
                items(within, &inner, named, tests);
                continue;
            }
        }
        if !attributes(item).iter().any(of_tests) {
            idents(item.to_token_stream(), named);
        }
    }
}

fn idents(tokens: TokenStream, named: &mut Vec<(usize, String)>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => idents(group.stream(), named),
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                named.push((ident.span().start().line, name.trim_start_matches("r#").to_owned()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, source: &str) -> Vec<String> {
        let parsed = syn::parse_file(source).expect("the source is Rust");
        let mut named = Vec::new();
        items(&parsed.items, Path::new("nowhere"), &mut named, &mut Vec::new());
        judge(file, &named)
    }

    const ROLE: &str = "crates/kaskade-net/src/role/ausf/mod.rs";

    #[test]
    fn each_way_to_name_a_call_is_found() {
        for source in [
            "fn f(g: Guarded<u8>) { g.made_durable(); }",
            "fn f(g: Guarded<u8>) { Guarded::made_durable(g); }",
            "const F: fn(Guarded<u8>) -> Durable<u8> = Guarded::made_durable;",
            "fn f() -> Cover { Cover::known_to_store() }",
            "fn f() -> Cover { <Cover>::r#known_to_store() }",
            "fn f(d: Durable<u8>) -> u8 { d.release_to_peer() }",
            "fn f() { let d = Durable::told_by_peer(1); }",
            "macro_rules! m { ($d:expr) => { $d.release_to_peer() } }",
            "fn f() { debug!(\"{}\", d.release_to_peer()); }",
            "mod inner { impl S { fn f(self) { self.0.release_to_peer() } } }",
            "#[cfg(not(test))] fn f() { d.release_to_peer() }",
        ] {
            assert_eq!(found(ROLE, source).len(), 1, "{source}");
        }
        let line = &found(ROLE, "\n\nfn f() { d.release_to_peer() }")[0];
        assert!(line.starts_with(&format!("{ROLE}:3: names release_to_peer")), "{line}");
    }

    #[test]
    fn who_may_names_them_and_tests_are_free() {
        let store = "crates/kaskade-store/src/audit/mod.rs";
        let (writer, client) = (
            "crates/kaskade-net/src/sbi/message.rs",
            "crates/kaskade-net/src/sbi/client.rs",
        );
        let durable = "fn f() { g.made_durable(); Cover::known_to_store() }";
        let released = "fn f() { d.release_to_peer() }";
        let told = "fn f() { Durable::told_by_peer(1) }";
        for (file, source) in [
            (store, durable),
            (writer, released),
            (client, told),
            (ROLE, "#[cfg(test)] mod tests { fn f() { d.release_to_peer() } }"),
            (ROLE, "#[test] fn f() { Cover::known_to_store() }"),
            (ROLE, "/// Never `release_to_peer` here.\nfn f() { g.map(drop) }"),
        ] {
            assert_eq!(found(file, source), [""; 0], "{file}: {source}");
        }
        for (file, source, findings) in [
            (store, released, 1),
            (store, told, 1),
            (writer, durable, 2),
            (writer, told, 1),
            (client, released, 1),
            ("crates/kaskade-net/src/sbi/message.rs.rs", released, 1),
        ] {
            assert_eq!(found(file, source).len(), findings, "{file}: {source}");
        }
    }

    #[test]
    fn the_files_that_may_are_there() {
        for place in CALLS.iter().flat_map(|(_, allowed, _)| *allowed).chain(&[DECLARED]) {
            assert!(shell::root().join(place).exists(), "{place}");
        }
    }
}
