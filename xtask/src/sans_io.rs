//! What the sources of the sans-IO crates may name: neither clock nor socket nor file nor random numbers.
//!
//! The sources are parsed, as the compiler does it from `lib.rs` on, and read as tokens: so it makes no difference whether
//! a name stands in a path, in braces behind `use`, or in the body of a macro. Of `std` only what is listed may be named;
//! `std` itself has no other name, since what a renamed root brings cannot be seen. Test code is free.

use crate::shell;
use anyhow::{Context as _, Result, anyhow};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use syn::{Attribute, Item, Meta};

/// What of `std` computes only. All of `core` and `alloc` does, but for [`NOWHERE`].
const OF_STD: &[&str] = &[
    "any",
    "arch",
    "array",
    "ascii",
    "borrow",
    "boxed",
    "cell",
    "char",
    "clone",
    "cmp",
    "collections",
    "convert",
    "default",
    "error",
    "f32",
    "f64",
    "fmt",
    "format",
    "future",
    "hash",
    "hint",
    "i128",
    "i16",
    "i32",
    "i64",
    "i8",
    "iter",
    "marker",
    "matches",
    "mem",
    "num",
    "ops",
    "option",
    "pin",
    "ptr",
    "rc",
    "result",
    "slice",
    "str",
    "string",
    "sync",
    "task",
    "time::Duration",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "usize",
    "vec",
];

/// Roots of which a part is allowed, so that they may be named with that part only: the root, what of it is refused
/// (nothing: all that [`OF_STD`] does not list), and why.
const ROOTS: &[(&str, &[&str], &str)] = &[
    (
        "std",
        &[],
        "time, messages, contents of files and configuration are arguments",
    ),
    ("aws_lc_rs", &["rand", "test"], "random octets are arguments"),
];

/// Names that are refused wherever they stand.
const NOWHERE: &[(&str, &str)] = &[
    ("SystemTime", "the time is an argument"),
    ("Instant", "the time is an argument"),
    ("now_utc", "the time is an argument"),
    ("now_local", "the time is an argument"),
    ("_rdtsc", "the time is an argument"),
    ("__rdtscp", "the time is an argument"),
    ("tokio", "the caller brings the runtime"),
    ("libc", "the caller speaks to the system"),
    ("getrandom", "random octets are arguments"),
    ("OsRng", "random octets are arguments"),
    ("SysRng", "random octets are arguments"),
    ("ThreadRng", "random octets are arguments"),
    ("thread_rng", "random octets are arguments"),
    ("SystemRandom", "random octets are arguments"),
    ("RandomState", "the system seeds it; BTreeMap needs no seed"),
    ("HashMap", "the system seeds it; BTreeMap needs no seed"),
    ("HashSet", "the system seeds it; BTreeSet needs no seed"),
];

/// Beginnings of names that are refused wherever they stand: instructions that draw random numbers.
const BEGINNINGS: &[&str] = &["_rdrand", "_rdseed"];

/// Macros that are refused: they write, or bring what is not parsed here.
const MACROS: &[(&str, &str)] = &[
    ("print", "results are returned"),
    ("println", "results are returned"),
    ("eprint", "results are returned"),
    ("eprintln", "results are returned"),
    ("dbg", "results are returned"),
    ("include", "what it brings is not seen by this check; use a module"),
    ("asm", "an instruction may be a call of the system"),
    ("global_asm", "an instruction may be a call of the system"),
    ("naked_asm", "an instruction may be a call of the system"),
];

/// Findings in the sources under a crate's `src`, each as `FILE:LINE: …`.
pub(crate) fn check(folder: &Path) -> Result<Vec<String>> {
    let mut walk = Walk::default();
    walk.file(&folder.join("lib.rs"), folder)?;
    for path in shell::files(folder, "rs")? {
        let of_tests = |tests: &PathBuf| path == tests.with_extension("rs") || path.starts_with(tests);
        if !walk.seen.contains(&path) && !walk.tests.iter().any(of_tests) {
            walk.findings.push(format!(
                "{}: no module of the crate, so nothing checks it",
                shell::relative(&path)
            ));
        }
    }
    Ok(walk.findings)
}

/// The way through the modules of a crate.
#[derive(Default)]
struct Walk {
    findings: Vec<String>,
    seen: BTreeSet<PathBuf>,
    /// Modules of test code, without `.rs`.
    tests: Vec<PathBuf>,
}

impl Walk {
    /// Reads a file whose modules are under `folder`.
    fn file(&mut self, path: &Path, folder: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| shell::relative(path))?;
        let file = syn::parse_file(&text).map_err(|error| {
            let line = error.span().start().line;
            anyhow!("{}:{line}: {error}", shell::relative(path))
        })?;
        self.seen.insert(path.to_path_buf());
        let mut found = Vec::new();
        for attribute in &file.attrs {
            named(attribute.to_token_stream(), &mut found);
        }
        self.items(&file.items, folder, &mut found)?;
        let name = shell::relative(path);
        self.findings
            .extend(found.into_iter().map(|(line, text)| format!("{name}:{line}: {text}")));
        Ok(())
    }

    fn items(&mut self, items: &[Item], folder: &Path, found: &mut Vec<Found>) -> Result<()> {
        for item in items {
            let Item::Mod(module) = item else {
                if !attributes(item).iter().any(of_tests) {
                    named(item.to_token_stream(), found);
                }
                continue;
            };
            let name = module.ident.to_string();
            let below = folder.join(name.trim_start_matches("r#"));
            if module.attrs.iter().any(of_tests) {
                self.tests.push(below);
                continue;
            }
            for attribute in &module.attrs {
                named(attribute.to_token_stream(), found);
            }
            if module.attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
                let line = module.ident.span().start().line;
                found.push((
                    line,
                    format!("the module {name} lies elsewhere: this check cannot follow it"),
                ));
            } else if let Some((_, items)) = &module.content {
                self.items(items, &below, found)?;
            } else {
                let plain = below.with_extension("rs");
                let path = if plain.exists() { plain } else { below.join("mod.rs") };
                self.file(&path, &below)?;
            }
        }
        Ok(())
    }
}

/// The attributes of the items that a test may be.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether what bears this attribute is compiled for tests only.
pub(crate) fn of_tests(attribute: &Attribute) -> bool {
    fn implied(predicate: &Meta) -> bool {
        match predicate {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("all") => list
                .parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated)
                .is_ok_and(|list| list.iter().any(implied)),
            _ => false,
        }
    }
    attribute.path().is_ident("test")
        || attribute.path().is_ident("cfg") && attribute.parse_args::<Meta>().is_ok_and(|meta| implied(&meta))
}

/// A line, and what is wrong there.
type Found = (usize, String);

/// Finds what is refused among tokens, at any depth.
fn named(tokens: TokenStream, found: &mut Vec<Found>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => {
                named(group.stream(), found);
                at += 1;
            }
            TokenTree::Ident(ident) if ident == "extern" => {
                let behind = tokens[at + 1..]
                    .iter()
                    .find(|token| !matches!(token, TokenTree::Literal(_)));
                if matches!(behind, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace) {
                    let text = "declares foreign functions: in a sans-IO crate only Rust is called";
                    found.push((ident.span().start().line, text.to_owned()));
                }
                at += 1;
            }
            TokenTree::Ident(_) => {
                // `extern crate std;` gives no other name.
                let declared = at > 0 && is_ident(tokens.get(at - 1), "crate") && !is_ident(tokens.get(at + 1), "as");
                at = path(&tokens, at, &[], declared, found);
            }
            _ => at += 1,
        }
    }
}

/// Reads a path from `at` on, with all that its braces hold, and judges it; the place behind it.
fn path(tokens: &[TokenTree], mut at: usize, above: &[String], declared: bool, found: &mut Vec<Found>) -> usize {
    let mut segments = above.to_vec();
    while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
        let line = ident.span().start().line;
        word(ident, tokens.get(at + 1), found);
        segments.push(ident.to_string().trim_start_matches("r#").to_owned());
        at += 1;
        if !(is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')) {
            judge(&segments, declared, line, found);
            return at;
        }
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(_)) => at += 2,
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_punct(Some(token), ',')) {
                    let mut at = 0;
                    while at < part.len() {
                        at = match &part[at] {
                            TokenTree::Ident(ident) if ident == "as" => at + 2,
                            TokenTree::Ident(_) => path(part, at, &segments, false, found),
                            other => {
                                let mut glob = segments.clone();
                                glob.push(other.to_string());
                                judge(&glob, false, other.span().start().line, found);
                                at + 1
                            }
                        };
                    }
                }
                return at + 3;
            }
            // A glob, a macro's variable, or type arguments.
            Some(TokenTree::Punct(other)) => {
                segments.push(other.to_string());
                judge(&segments, declared, line, found);
                return at + 2;
            }
            _ => {
                judge(&segments, declared, line, found);
                return at + 2;
            }
        }
    }
    at
}

/// A name by itself.
fn word(ident: &Ident, next: Option<&TokenTree>, found: &mut Vec<Found>) {
    let name = ident.to_string();
    let name = name.trim_start_matches("r#");
    let listed = |list: &'static [(&str, &'static str)]| list.iter().find(|(known, _)| *known == name);
    let mut reason = listed(NOWHERE).map(|(_, reason)| *reason);
    if BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
        reason = Some("random octets are arguments");
    }
    if is_punct(next, '!') {
        reason = reason.or_else(|| listed(MACROS).map(|(_, reason)| *reason));
    }
    if let Some(reason) = reason {
        found.push((
            ident.span().start().line,
            format!("names {name}: in a sans-IO crate {reason}"),
        ));
    }
}

/// A path as a whole, wherever a root stands in it.
fn judge(segments: &[String], declared: bool, line: usize, found: &mut Vec<Found>) {
    for (at, segment) in segments.iter().enumerate() {
        let Some((root, refused, reason)) = ROOTS.iter().find(|(root, ..)| root == segment) else {
            continue;
        };
        let below = &segments[at + 1..];
        let bare = below
            .first()
            .is_none_or(|first| !first.starts_with(|c: char| c.is_alphabetic()) || first == "self");
        if bare && !declared {
            found.push((
                line,
                format!("names {root} whole, so that its parts have other names: in a sans-IO crate {reason}"),
            ));
        } else if !bare {
            let under = |allowed: &&str| {
                let allowed: Vec<_> = allowed.split("::").collect();
                below.len() >= allowed.len() && allowed.iter().zip(below).all(|(allowed, name)| allowed == name)
            };
            let fine = if refused.is_empty() {
                OF_STD.iter().any(under)
            } else {
                !refused.iter().any(under)
            };
            if !fine {
                let path = below.join("::");
                found.push((line, format!("names {root}::{path}: in a sans-IO crate {reason}")));
            }
        }
    }
}

fn is_punct(token: Option<&TokenTree>, punct: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == punct)
}

fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(found)) if found == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<Found> {
        let mut found = Vec::new();
        let file = syn::parse_file(source).expect("the source is Rust");
        Walk::default()
            .items(&file.items, Path::new("nowhere"), &mut found)
            .expect("no file is read");
        found
    }

    #[test]
    fn what_computes_only_is_free() {
        for source in [
            "/// Unlike `std::net`, this\nfn f() { let instant = InstantKey; /* SystemTime */ }",
            "use std::{collections::{BTreeMap, btree_map::Entry as E}, fmt::{self, Write as _}, time::Duration};",
            "use std::collections::*; extern crate alloc; extern crate std; use core::net::IpAddr;",
            "fn f() -> Result<std::string::String, ::std::fmt::Error> { std::mem::take(&mut \"tokio std::fs\"); }",
            "#[cfg(feature = \"std\")] impl std::error::Error for E {}",
            "#[cfg(test)] mod tests { use std::fs; }",
            "#[cfg(all(test, feature = \"std\"))] mod tests { use std::fs; }",
            "#[cfg(test)] use std::fs; #[test] fn f() { std::process::abort() }",
            "use aws_lc_rs::{agreement::{self, PrivateKey}, error::Unspecified};",
            "extern \"C\" fn f() {}",
        ] {
            assert_eq!(found(source), [], "{source}");
        }
    }

    #[test]
    fn each_way_to_name_what_is_refused_is_found() {
        for source in [
            "use std::net::TcpStream;",
            "use std::{net::TcpStream, fmt};",
            "use std::{fmt, net::{self, SocketAddr as Address}};",
            "use {core::fmt, std::{fs::File}};",
            "use ::std::{{{fs}}};",
            "use std::net as messages;",
            "use std as s; fn f() { s::net::TcpStream::connect(\"\"); }",
            "use std::{self as s};",
            "use ::std::{self as s, fmt};",
            "extern crate std as s;",
            "use std::*;",
            "use std::{fmt, *};",
            "use std::fs::*;",
            "use std::time;",
            "use std::time::*;",
            "use std::os::unix::net::UnixStream;",
            "fn f() { ::std::thread::sleep(d) }",
            "fn f() { self::std::env::args(); }",
            "fn f() { r#std::fs::read(p); }",
            "fn f() -> <std::net::TcpStream as T>::U { Vec::<std::fs::File>::new() }",
            "type Clock = std::time::Instant;",
            "use elsewhere::Instant as Other;",
            "macro_rules! now { () => { std::time::SystemTime::now() } }",
            "macro_rules! m { ($part:ident) => { std::$part::read(\"f\") } }",
            "macro_rules! m { ($root:ident) => { $root::fs::read(\"f\") } } fn f() { m!(std); }",
            "fn f() { vec![1, std::process::id()]; }",
            "macro_rules! m { () => { use std::{net::UdpSocket}; } }",
            "use tokio::net;",
            "use rand::{rngs::OsRng as R};",
            "use aws_lc_rs::rand::SystemRandom;",
            "use aws_lc_rs::{agreement, rand};",
            "use aws_lc_rs as a;",
            "use std::collections::HashMap;",
            "fn f() { println!(\"a\"); }",
            "fn f() { std::println!(\"a\"); }",
            "include!(\"elsewhere.rs\");",
            "unsafe extern \"C\" { fn time(t: *mut i64) -> i64; }",
            "macro_rules! m { () => { extern \"C\" { fn time(); } } }",
            "fn f() { core::arch::asm!(\"syscall\"); }",
            "fn f() { unsafe { core::arch::x86_64::_rdrand64_step(&mut x) }; }",
            "#[cfg(any(test, feature = \"std\"))] use std::fs;",
            "#[cfg(not(test))] use std::fs;",
            "mod inner { mod deeper { fn f() { let _ = std::fs::read(\"a\"); } } }",
            "#[path = \"../elsewhere.rs\"] mod elsewhere;",
            "#[doc = include!(\"x\")] struct S;",
        ] {
            assert_ne!(found(source), [], "{source}");
        }
        assert_eq!(
            found("\n\nuse std::{\n  fmt,\n  net::TcpStream,\n};")[0].0,
            5,
            "the line is named"
        );
    }

    #[test]
    fn a_file_that_no_module_names_is_found() {
        let folder = std::env::temp_dir().join(format!("xtask-sans-io-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a")).expect("a folder");
        for (name, text) in [
            ("lib.rs", "mod a; #[cfg(test)] mod known;"),
            ("a.rs", "mod b; #[cfg(test)] mod tests;"),
            ("a/b.rs", "use std::fs;"),
            ("a/tests.rs", "use std::fs;"),
            ("known.rs", "use std::fs;"),
            ("a/orphan.rs", ""),
        ] {
            std::fs::write(folder.join(name), text).expect("a file");
        }
        let findings = check(&folder);
        std::fs::remove_dir_all(&folder).expect("the folder goes");
        let findings = findings.expect("the sources are Rust");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("a/b.rs:1: names std::fs"), "{findings:?}");
        assert!(findings[1].contains("a/orphan.rs: no module"), "{findings:?}");
    }
}
