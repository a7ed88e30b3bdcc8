//! Every public item of kaskade-crypto and kaskade-keys that has to do with a key which never leaves, out of their
//! sources: what could give its octets must be in a list here, with its reason.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports so")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{FnArg, ImplItem, Item, ReturnType, Signature, TraitItem, Type, Visibility};

/// The keys that never leave, and all that holds one.
const CLOSED: [&str; 37] = [
    "K",
    "K256",
    "Op",
    "Opc",
    "Top",
    "Topc",
    "Ki",
    "TestK",
    "TuakKey",
    "Emsk",
    "MkAkaPrime",
    "MkEcdhe",
    "MkReauthentication",
    "MkAka",
    "XkeyPrime",
    "SubscriberSecrets",
    "OpOrOpc",
    "TopOrTopc",
    "AlgorithmKeys",
    "GsmKeys",
    "Functions",
    "Milenage",
    "Tuak",
    "SizedTuak",
    "XorTest",
    "SecretBuffer",
    "NamedKey",
    "Prepared",
    "HmacKey",
    "DataKey",
    "RootKey",
    "ExportKey",
    "HnKeySealer",
    "HnPrivateKey",
    "EphemeralSecret",
    "StoreKeys",
    "Gcm",
];

/// What octets travel in.
const OCTETS: [&str; 13] = [
    "u8",
    "Octets",
    "Zeroizing",
    "Vec",
    "String",
    "str",
    "Cow",
    "KdfOutput",
    "KdfOutputs",
    "Secret32",
    "Hasher",
    "Box",
    "Wiped",
];

/// Traits that such types may have: none gives octets.
const TRAITS: [&str; 15] = [
    "AlgorithmSet",
    "Clone",
    "Debug",
    "Drop",
    "Eq",
    "From",
    "FromOctets",
    "KeyMaterial",
    "Parent",
    "PartialEq",
    "ZeroizeOnDrop",
    "Send",
    "Sync",
    "Default",
    "Copy",
];

/// Public functions that take such a type and give octets, or take octets and a place for others, and why they may.
const ALLOWED: &[(&str, &str)] = &[
    (
        "conceal",
        "a scheme output, whose key is made and gone in one concealment",
    ),
    ("conceal_with", "the same"),
    ("deconceal", "the subscriber's identity, not the home network's key"),
    ("DataKey::append_sealed", "octets under the data key"),
    ("ExportKey::seal", "octets under the root key"),
    ("HnKeySealer::seal", "octets under the root key"),
    ("RootKey::create_data_key", "the sealed data key"),
    ("RootKey::identifier", "8 octets of an HMAC under the root key"),
    (
        "HmacKey::mac",
        "HMAC-SHA-256 under a key that the caller gave by its octets",
    ),
    ("HmacKey::mac_parts", "the same"),
    ("HmacKey::derive", "the same; the rows keep theirs to themselves"),
    ("HmacKey::expand", "PRF' under a key that the caller gave by its octets"),
    ("StoreKeys::record_code", "a code under a key of the store"),
    ("StoreKeys::life", "a name under a key of the store"),
    ("DataKey::life", "a name under a key of the store"),
    (
        "DataKey::life_of",
        "a name under a key of the store, of which K cannot be told",
    ),
    ("RootKey::reseal_data_key", "the data key sealed anew"),
    (
        "NamedKey::expose_to_operator",
        "None for a key that never leaves: the test below",
    ),
    ("NamedKey::name", "its name"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn words(tokens: &impl ToTokens) -> BTreeSet<String> {
    fn gather(stream: proc_macro2::TokenStream, words: &mut BTreeSet<String>) {
        for token in stream {
            match token {
                proc_macro2::TokenTree::Ident(ident) => drop(words.insert(ident.to_string())),
                proc_macro2::TokenTree::Group(group) => gather(group.stream(), words),
                _ => {}
            }
        }
    }
    let mut words_found = BTreeSet::new();
    gather(tokens.to_token_stream(), &mut words_found);
    words_found
}

fn any_of(words: &BTreeSet<String>, list: &[&str]) -> bool {
    list.iter().any(|word| words.contains(*word))
}

/// The last name of a type's path.
fn name_of(of: &Type) -> String {
    match of {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map_or_else(String::new, |last| last.ident.to_string()),
        Type::Reference(reference) => name_of(&reference.elem),
        _ => String::new(),
    }
}

#[derive(Default)]
struct Seen {
    functions: usize,
    doors: BTreeSet<String>,
    faults: Vec<String>,
}

impl Seen {
    fn function(&mut self, owner: &str, signature: &Signature) {
        let takes_self = signature.receiver().is_some();
        let mut inputs = BTreeSet::new();
        let mut places = false;
        for input in &signature.inputs {
            if let FnArg::Typed(typed) = input {
                let text = typed.ty.to_token_stream().to_string();
                places |= text.contains("& mut") && any_of(&words(&typed.ty), &OCTETS)
                    || text.contains("Fn") && any_of(&words(&typed.ty), &OCTETS);
                inputs.extend(words(&typed.ty));
            }
        }
        inputs.extend(words(&signature.generics));
        let closed = takes_self && CLOSED.contains(&owner) || any_of(&inputs, &CLOSED);
        if !closed {
            return;
        }
        self.functions += 1;
        let gives = match &signature.output {
            ReturnType::Default => false,
            ReturnType::Type(_, output) => {
                any_of(&words(output), &OCTETS) || signature.ident.to_string().starts_with("expose")
            }
        };
        if gives || places {
            let name = if owner.is_empty() {
                signature.ident.to_string()
            } else {
                format!("{owner}::{}", signature.ident)
            };
            self.doors.insert(name);
        }
    }

    fn item(&mut self, file: &str, item: &Item) {
        match item {
            Item::Fn(function) if matches!(function.vis, Visibility::Public(_)) => self.function("", &function.sig),
            Item::Impl(of) => {
                let owner = name_of(&of.self_ty);
                let by_trait = of
                    .trait_
                    .as_ref()
                    .map(|(path, _)| path.segments.last().unwrap().ident.to_string());
                if let Some(by_trait) = &by_trait
                    && CLOSED.contains(&owner.as_str())
                    && !TRAITS.contains(&by_trait.as_str())
                {
                    self.faults.push(format!("{file}: {by_trait} for {owner}"));
                }
                // Into a type that shows its octets.
                if by_trait.as_deref() == Some("From")
                    && any_of(&words(&of.trait_.as_ref().unwrap().0), &CLOSED)
                    && !CLOSED.contains(&owner.as_str())
                {
                    self.faults
                        .push(format!("{file}: From a key that never leaves for {owner}"));
                }
                for function in &of.items {
                    if let ImplItem::Fn(function) = function
                        && (matches!(function.vis, Visibility::Public(_)) && by_trait.is_none())
                    {
                        self.function(&owner, &function.sig);
                    }
                }
            }
            Item::Trait(of) if matches!(of.vis, Visibility::Public(_)) => {
                // What such a type may implement: no method of it gives octets.
                for method in &of.items {
                    if let TraitItem::Fn(method) = method
                        && TRAITS.contains(&of.ident.to_string().as_str())
                        && let ReturnType::Type(_, output) = &method.sig.output
                        && any_of(&words(output), &OCTETS)
                    {
                        self.faults
                            .push(format!("{file}: {}::{} gives octets", of.ident, method.sig.ident));
                    }
                }
            }
            Item::Struct(of) if CLOSED.contains(&of.ident.to_string().as_str()) => {
                self.derives(file, &of.ident.to_string(), &of.attrs);
                for field in &of.fields {
                    if matches!(field.vis, Visibility::Public(_)) && any_of(&words(&field.ty), &OCTETS) {
                        self.faults
                            .push(format!("{file}: {} shows octets in a field", of.ident));
                    }
                }
            }
            Item::Enum(of) if CLOSED.contains(&of.ident.to_string().as_str()) => {
                self.derives(file, &of.ident.to_string(), &of.attrs);
            }
            Item::Mod(of) => {
                let test = of.attrs.iter().any(|attribute| words(attribute).contains("test"));
                for item in of.content.iter().flat_map(|(_, items)| items).filter(|_| !test) {
                    self.item(file, item);
                }
            }
            Item::Macro(of) => self.declaration(file, &of.mac),
            _ => {}
        }
    }

    fn derives(&mut self, file: &str, name: &str, attributes: &[syn::Attribute]) {
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("derive"))
        {
            for derived in words(&attribute.meta.require_list().unwrap().tokens) {
                if !TRAITS.contains(&derived.as_str()) {
                    self.faults.push(format!("{file}: {name} derives {derived}"));
                }
            }
        }
    }

    /// `struct Name(LEN) = "label" { exposures }` of `secret_octets!` and `keys!`.
    fn declaration(&mut self, file: &str, of: &syn::Macro) {
        let name = of.path.segments.last().unwrap().ident.to_string();
        if !matches!(name.as_str(), "secret_octets" | "keys") {
            return;
        }
        let mut last_struct = String::new();
        let mut after_struct = false;
        for token in of.tokens.clone() {
            match token {
                proc_macro2::TokenTree::Ident(ident) if ident == "struct" => after_struct = true,
                proc_macro2::TokenTree::Ident(ident) if after_struct => {
                    last_struct = ident.to_string();
                    after_struct = false;
                }
                proc_macro2::TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace => {
                    let exposes = words(&group.stream())
                        .into_iter()
                        .any(|word| word.starts_with("expose"));
                    if exposes && CLOSED.contains(&last_struct.as_str()) {
                        self.faults.push(format!("{file}: {last_struct} declares a way out"));
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn nothing_public_gives_the_octets_of_a_key_that_never_leaves() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = Seen::default();
    let mut files = Vec::new();
    for member in ["kaskade-crypto", "kaskade-keys"] {
        sources(&crates.join(member).join("src"), &mut files);
    }
    assert!(files.len() > 100, "the sources were not found");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&crates).unwrap().display().to_string();
        for item in syn::parse_file(&text).unwrap().items {
            seen.item(&name, &item);
        }
    }
    assert!(seen.functions > 60, "only {} functions were looked at", seen.functions);
    assert!(seen.faults.is_empty(), "{:#?}", seen.faults);
    let allowed: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let unknown: Vec<_> = seen.doors.difference(&allowed).collect();
    assert!(
        unknown.is_empty(),
        "may give octets of a key that never leaves: {unknown:#?}"
    );
    // An entry that nothing needs would let the next item of its name pass unseen.
    let unneeded: Vec<_> = allowed.difference(&seen.doors).collect();
    assert!(unneeded.is_empty(), "not there, or no door: {unneeded:#?}");
    assert_eq!(allowed.len(), ALLOWED.len(), "an entry stands twice");
}

/// What the macro of all keys gives to any crate: constructors, and what the declaration names.
#[test]
fn the_macro_of_keys_has_no_door_of_its_own() {
    let source = include_str!("../../../kaskade-crypto/src/secret.rs");
    let body = source.split("macro_rules! secret_octets").nth(1).unwrap();
    let public: Vec<_> = body
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("pub fn"))
        .collect();
    assert_eq!(
        public,
        [
            "pub fn from_octets(octets: &[u8; $len]) -> Self {",
            "pub fn $expose(&self) -> &[u8; $len] {"
        ]
    );
    let traits: Vec<_> = body
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_prefix("impl ")?.split(" for ").next())
        .filter(|line| !line.starts_with('$') || line.contains("::"))
        .collect();
    assert_eq!(
        traits,
        [
            "$crate::secret::KeyMaterial",
            "$crate::secret::FromOctets",
            "::core::fmt::Debug",
            "PartialEq",
            "Eq",
            "Drop",
            "$crate::reexport::zeroize::ZeroizeOnDrop"
        ]
    );
}

/// By rows: what is derived serves further derivations, and shows its octets where it may.
#[test]
fn rows_keep_the_emsk_and_what_it_is_cut_or_made_from() {
    use kaskade_keys::derivation::{NamedKey, Octets};
    use kaskade_keys::{Supi, tree};

    let closed = [
        "K",
        "EMSK",
        "MK (EAP-AKA')",
        "MK_ECDHE",
        "MK (EAP-AKA' re-auth)",
        "MK (EAP-AKA)",
        "XKEY'",
    ];
    let mut looked_at = 0;
    for row in tree::rows() {
        let transcript = row.transcript(|_| Ok::<_, ()>(Octets::new(vec![7; 32]))).unwrap();
        let parent = NamedKey::from_octets(row.parent, &vec![1; usize::from(row.parent_octets)]).unwrap();
        let other = NamedKey::from_octets("K_SLP", &[1; 32]).unwrap();
        assert!(
            row.parent == "K_SLP" || transcript.derive(&other).is_none(),
            "another parent"
        );
        let Some(child) = transcript.derive(&parent) else {
            continue;
        };
        looked_at += 1;
        assert_eq!(child.name(), row.child);
        assert_eq!(row.child_never_leaves(), closed.contains(&row.child), "{}", row.child);
        assert_eq!(
            child.expose_to_operator().is_none(),
            closed.contains(&row.child),
            "{}",
            row.child
        );
        assert_eq!(format!("{child:?}"), format!("{}(…)", row.child));
    }
    assert!(looked_at > 100, "{looked_at}");
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    assert!(NamedKey::from_octets(&supi.sbi(), &[]).is_none(), "no key");
}
