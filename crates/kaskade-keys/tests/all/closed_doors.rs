//! Every public item of kaskade-crypto, kaskade-keys and kaskade-anchor that has to do with a key which never leaves, out of their
//! sources: what could give its octets must be in a list here, with its reason.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports so")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{FnArg, ImplItem, Item, ReturnType, Signature, TraitItem, Type, Visibility};

/// The keys that never leave, and all that holds one. What is declared without a way out is one of them as well.
const CLOSED: [&str; 45] = [
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
    "Emsk5gAka",
    "Mk5gAka",
    "Root",
    "Anchor",
    "SealedRoot",
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
    "SecretWriter",
    "SecretReader",
    "OpenedSecrets",
];

/// Secrets of other protocols that are declared without a way out, and which yet enter S: whoever ran the protocol has
/// them anyway.
const ENTER_S: [&str; 2] = ["SharedSecret", "TlsMkExtr"];

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
const TRAITS: [&str; 18] = [
    "AlgorithmSet",
    "Clone",
    "Debug",
    "Drop",
    "Eq",
    "From",
    "FromOctets",
    "KeyMaterial",
    "Machine",
    "Parent",
    "Record",
    "PartialEq",
    "Sealable",
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
    (
        "InterceptionKeys::seal",
        "octets under a key of lawful interception alone",
    ),
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
    ("DataKey::seal_record", "octets under the data key"),
    (
        "DataKey::code_record",
        "what was in clear, and a code under a key of the store",
    ),
    (
        "SecretReader::octets",
        "what was written as octets: a key has an origin, and comes out by its type",
    ),
    (
        "NamedKey::expose_to_operator",
        "None for a key that never leaves: the test below",
    ),
    ("NamedKey::name", "its name"),
    ("Anchors::hold", "other anchors, as closed as they were"),
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

/// One `struct Name(LEN) = "label"` of `secret_octets!`, `keys!` or `closed_keys!`.
#[derive(Debug)]
struct Declared {
    file: String,
    by: String,
    name: String,
    label: String,
    /// Whether the person at the terminal may see it.
    shown: bool,
    /// Whether anybody may have it.
    open: bool,
}

impl Declared {
    /// All that a macro declares.
    fn of(file: &str, of: &syn::Macro) -> Vec<Self> {
        let by = of.path.segments.last().unwrap().ident.to_string();
        assert_ne!(by, "shown_key", "{file}: of the macro of keys alone");
        if !matches!(by.as_str(), "secret_octets" | "keys" | "closed_keys") {
            return Vec::new();
        }
        let mut all = Vec::new();
        let mut tokens = of.tokens.clone().into_iter();
        while tokens.any(|token| token.to_string() == "struct") {
            let mut declaration: Vec<String> = Vec::new();
            let ways_out = loop {
                match tokens.next().unwrap_or_else(|| panic!("{file}: {by}! with half a key")) {
                    proc_macro2::TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace => {
                        break words(&group.stream()).iter().any(|word| word.starts_with("expose"));
                    }
                    token if token.to_string() == ";" => break false,
                    token => declaration.push(token.to_string()),
                }
            };
            let [name, octets, is, label, mark @ ..] = declaration.as_slice() else {
                panic!("{file}: {by}! with half a key: {declaration:?}")
            };
            assert!(octets.starts_with('(') && is == "=", "{file}: {declaration:?}");
            let marked = match mark {
                [] => false,
                [comma, mark] if comma == "," && mark == "shown_to_operator" => true,
                _ => panic!("{file}: {declaration:?}"),
            };
            let shown = marked || by == "keys";
            all.push(Self {
                file: file.to_owned(),
                by: by.clone(),
                name: name.clone(),
                label: syn::parse_str::<syn::LitStr>(label).unwrap().value(),
                shown,
                open: shown || ways_out,
            });
        }
        all
    }
}

/// The items of each source file of these crates, under its name.
fn files() -> Vec<(String, Vec<Item>)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for member in ["kaskade-crypto", "kaskade-keys", "kaskade-anchor"] {
        sources(&crates.join(member).join("src"), &mut files);
    }
    assert!(files.len() > 100, "the sources were not found");
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&crates).unwrap().display().to_string();
        (name, syn::parse_file(&text).unwrap().items)
    };
    files.into_iter().map(read).collect()
}

/// All declarations of secrets, those in modules as well.
fn declared(files: &[(String, Vec<Item>)]) -> Vec<Declared> {
    fn of_items(file: &str, items: &[Item], found: &mut Vec<Declared>) {
        for item in items {
            match item {
                Item::Macro(of) => found.extend(Declared::of(file, &of.mac)),
                Item::Mod(of) => of_items(file, of.content.as_ref().map_or(&[], |(_, items)| items), found),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    for (file, items) in files {
        of_items(file, items, &mut found);
    }
    assert!(found.len() > 120, "only {} secrets were found", found.len());
    found
}

struct Seen {
    closed: BTreeSet<String>,
    functions: usize,
    doors: BTreeSet<String>,
    faults: Vec<String>,
}

impl Seen {
    fn is_closed(&self, name: &str) -> bool {
        self.closed.contains(name)
    }

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
        let closed = takes_self && self.is_closed(owner) || !inputs.is_disjoint(&self.closed);
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
                    && self.is_closed(&owner)
                    && !TRAITS.contains(&by_trait.as_str())
                {
                    self.faults.push(format!("{file}: {by_trait} for {owner}"));
                }
                // Into a type that shows its octets.
                if by_trait.as_deref() == Some("From")
                    && !words(&of.trait_.as_ref().unwrap().0).is_disjoint(&self.closed)
                    && !self.is_closed(&owner)
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
            Item::Struct(of) if self.is_closed(&of.ident.to_string()) => {
                self.derives(file, &of.ident.to_string(), &of.attrs);
                for field in &of.fields {
                    if matches!(field.vis, Visibility::Public(_)) && any_of(&words(&field.ty), &OCTETS) {
                        self.faults
                            .push(format!("{file}: {} shows octets in a field", of.ident));
                    }
                }
            }
            Item::Enum(of) if self.is_closed(&of.ident.to_string()) => {
                self.derives(file, &of.ident.to_string(), &of.attrs);
            }
            Item::Mod(of) => {
                let test = of.attrs.iter().any(|attribute| words(attribute).contains("test"));
                for item in of.content.iter().flat_map(|(_, items)| items).filter(|_| !test) {
                    self.item(file, item);
                }
            }
            // Who is a KdfParameter gives its octets to whoever asks.
            Item::Macro(of) if of.mac.path.is_ident("kdf_parameters") => {
                for name in words(&of.mac.tokens).intersection(&self.closed) {
                    self.faults.push(format!("{file}: {name} enters S"));
                }
            }
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
}

#[test]
fn nothing_public_gives_the_octets_of_a_key_that_never_leaves() {
    let files = files();
    let declared = declared(&files);
    let without_a_way_out = declared.iter().filter(|key| !key.open).map(|key| key.name.as_str());
    let without_a_way_out = without_a_way_out.filter(|name| !ENTER_S.contains(name));
    let mut seen = Seen {
        closed: CLOSED.into_iter().chain(without_a_way_out).map(str::to_owned).collect(),
        functions: 0,
        doors: BTreeSet::new(),
        faults: Vec::new(),
    };
    for key in declared
        .iter()
        .filter(|key| key.open && seen.closed.contains(&key.name))
    {
        seen.faults
            .push(format!("{}: {} declares a way out", key.file, key.name));
    }
    for (name, items) in &files {
        for item in items {
            seen.item(name, item);
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

/// By default `keys!` shows a key to the person at the terminal. So what it declares is an ordinary key of the cascade, and
/// whatever the rows cut or make the EMSK from is declared closed, as is the EMSK.
#[test]
fn what_is_shown_is_a_key_of_the_cascade_and_never_the_emsk_or_what_makes_it() {
    use kaskade_keys::tree;

    let declared = declared(&files());
    let keys = tree::keys();
    for key in &declared {
        assert!(
            !key.shown && key.by == "secret_octets" || keys.contains(&key.label.as_str()),
            "{}: {} is in no row, so it belongs in secret_octets!",
            key.file,
            key.name
        );
        assert!(key.by != "closed_keys" || !key.open, "{}: {}", key.file, key.name);
    }
    let emsks = ["EMSK", "EMSK (5G AKA)"];
    let makers = emsks.into_iter().flat_map(tree::makers).map(|row| row.parent);
    let by_rows: BTreeSet<&str> = makers.chain(emsks).collect();
    assert!(by_rows.len() >= 8, "{by_rows:?}");
    let closed = declared.iter().filter(|key| key.by == "closed_keys");
    let closed: BTreeSet<&str> = closed.map(|key| key.label.as_str()).collect();
    assert_eq!(closed, by_rows, "what closed_keys! must declare, and nothing else");
}

/// What the macro of all keys gives to any crate: constructors, and what the declaration names.
#[test]
fn the_macro_of_keys_has_no_door_of_its_own() {
    let source = include_str!("../../../kaskade-crypto/src/secret.rs");
    let (_, bodies) = source.split_once("macro_rules! secret_octets").unwrap();
    let (body, shown) = bodies.split_once("macro_rules! shown_key").unwrap();
    let public = |body: &'static str| -> Vec<_> {
        let lines = body.lines().map(str::trim);
        lines.filter(|line| line.starts_with("pub fn")).collect()
    };
    assert_eq!(
        public(body),
        [
            "pub fn from_octets(octets: &[u8; $len]) -> Self {",
            "pub fn $expose(&self) -> &[u8; $len] {"
        ]
    );
    let traits = |body: &'static str| -> Vec<_> {
        let lines = body.lines().map(str::trim);
        let of = lines.filter_map(|line| line.strip_prefix("impl ")?.split(" for ").next());
        of.filter(|line| !line.starts_with('$') || line.contains("::"))
            .collect()
    };
    assert_eq!(
        traits(body),
        [
            "$crate::secret::KeyMaterial",
            "$crate::secret::FromOctets",
            "$crate::secret::Sealable",
            "::core::fmt::Debug",
            "PartialEq",
            "Eq",
            "Drop",
            "$crate::reexport::zeroize::ZeroizeOnDrop"
        ]
    );
    // What is shown to the operator is so by its own word, and by no other.
    assert!(body.contains("$( $crate::shown_key! { $shown $Name($len) } )?"));
    assert_eq!(body.matches("shown").count(), 3, "the pattern, and that line");
    assert_eq!(shown.matches("=> {").count(), 1);
    assert!(shown.contains("(shown_to_operator $Name:ident($len:expr)) => {"));
    assert_eq!(public(shown), ["pub fn expose_to_operator(&self) -> &[u8; $len] {"]);
    assert_eq!(traits(shown), ["$crate::secret::ShownKey"]);
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
        "MK (5G AKA)",
        "EMSK (5G AKA)",
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

/// A record gives a key back as the type that it was written as. So no two types have one origin, and no type has an origin but
/// by the macro.
#[test]
fn no_two_keys_have_one_origin_and_none_has_it_by_hand() {
    let declared = declared(&files());
    let mut origins = BTreeSet::new();
    for key in &declared {
        let of = key.file.split('/').next().unwrap();
        assert!(
            origins.insert((of, &key.name, &key.label)),
            "{}: another key of {of} has both names of {}",
            key.file,
            key.name
        );
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    sources(&crates, &mut files);
    let mut by_hand = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let of_it = text
            .lines()
            .any(|line| line.contains("Sealable for ") || line.contains("Origin::new("));
        let inside =
            file.ends_with("kaskade-crypto/src/secret.rs") || file.ends_with("kaskade-crypto/src/seal/record.rs");
        if of_it && !inside && !file.ends_with(file!().rsplit('/').next().unwrap()) {
            by_hand.push(file);
        }
    }
    assert!(files.len() > 300, "the sources were not found");
    assert!(
        by_hand.is_empty(),
        "an origin by hand opens what another key was written as: {by_hand:?}"
    );
}

/// K and EMSK go into a record and come out as what they are.
#[test]
fn no_record_turns_a_key_into_octets_or_into_another_key() {
    use kaskade_crypto::seal::{ItemError, RecordPlace, RootKey, SecretWriter};
    use kaskade_crypto::xor_test::TestK;
    use kaskade_crypto::{K, Opc};
    use kaskade_keys::eap::Emsk;
    use kaskade_keys::fivegs::KAusf;

    mod pretenders {
        kaskade_crypto::secret_octets! {
            /// Says that it is the EMSK, and has a way out.
            pub(super) struct Emsk(64) = "EMSK" { expose_to_anybody }
            /// The same for K.
            pub(super) struct K(16) = "K" { expose_to_anybody }
        }
    }

    let (data_key, _) = RootKey::from_octets(&[1; 32]).create_data_key(&[2; 32], &[3; 12]);
    let place = RecordPlace {
        kind: 99,
        expires: 0,
        key: b"key",
    };
    let mut secrets = SecretWriter::new();
    secrets.key(&Emsk::from_octets(&[4; 64]));
    secrets.key(&K::from_octets(&[5; 16]));
    assert_eq!(format!("{secrets:?}"), "SecretWriter(…)");
    let row = data_key.seal_record(&[6; 12], &place, 1, b"", &secrets);
    let opened = data_key.open_record(&place, &row).unwrap();
    let mut reader = opened.secrets.reader();
    assert_eq!(reader.octets().err(), Some(ItemError::Another("octets")));
    assert_eq!(reader.key::<pretenders::Emsk>().err(), Some(ItemError::Another("EMSK")));
    assert_eq!(reader.key::<KAusf>().err(), Some(ItemError::Another("K_AUSF")));
    assert_eq!(reader.key::<Emsk>().unwrap(), Emsk::from_octets(&[4; 64]));
    assert_eq!(reader.octets().err(), Some(ItemError::Another("octets")));
    assert_eq!(reader.key::<pretenders::K>().err(), Some(ItemError::Another("K")));
    assert_eq!(reader.key::<TestK>().err(), Some(ItemError::Another("K")));
    assert_eq!(reader.key::<Opc>().err(), Some(ItemError::Another("OPc")));
    assert_eq!(reader.key::<K>().unwrap(), K::from_octets(&[5; 16]));
    assert_eq!(format!("{reader:?} {opened:?}"), "SecretReader(…) OpenedRecord(…)");
    assert_eq!(pretenders::Emsk::from_octets(&[0; 64]).expose_to_anybody(), &[0; 64]);
    assert_eq!(pretenders::K::from_octets(&[0; 16]).expose_to_anybody(), &[0; 16]);
}
