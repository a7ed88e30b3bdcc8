//! Every row has its page, its JSON and its place in tree, table and picture; what is on a page fits the sheet.

use kaskade_aka::auc::Credentials;
use kaskade_aka::fivegs::cascade::{Binding, Cascade};
use kaskade_aka::fivegs::keys::Selection;
use kaskade_aka::visit::VisitKeys;
use kaskade_crypto::{K, Opc, Rand, Sqn};
use kaskade_doctor::explain::{facts, leak::Leak, page, step, table};
use kaskade_doctor::sheet::Sheet;
use kaskade_doctor::side::Side;
use kaskade_doctor::tree_view::{self, Sides, Verdict};
use kaskade_doctor::{hierarchy, lookup, picture};
use kaskade_keys::{Abba, ServingNetworkName, Supi, tree};

fn cascade(k: u8) -> Cascade {
    let credentials = Credentials::new(K::from_octets(&[k; 16]), Opc::from_octets(&[0xcd; 16]));
    let name: ServingNetworkName = "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap();
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    let binding = Binding {
        serving_network_name: &name,
        supi: &supi,
        abba: &Abba::INITIAL,
        selection: &Selection::default(),
    };
    Cascade::derive(
        &credentials,
        &Rand::from_octets([9; 16]),
        Sqn::new(32).unwrap(),
        binding,
    )
}

fn side(cascade: &Cascade, reveal: bool) -> Side {
    let mut side = Side::new(reveal);
    cascade.visit_keys(&mut side);
    side
}

#[test]
fn every_derivation_has_a_page_that_fits_and_a_document() {
    for width in [60, 80, 160] {
        let sheet = Sheet::new(width);
        for row in tree::rows() {
            let text = facts::text(&sheet, row);
            assert!(text.contains(row.child) && text.contains("Derive it"), "{text}");
            // Below the title; a single word may be longer than a line.
            for line in text.lines().skip(1).filter(|line| line.split_whitespace().count() > 2) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            assert_eq!(facts::document(row)["name"], row.child);
        }
    }
}

#[test]
fn every_key_is_in_tree_table_and_picture() {
    let (tree, svg) = (table::text(&Sheet::new(120), &hierarchy::forest()), picture::svg());
    let (html, markdown) = (picture::html(), table::markdown());
    for key in tree::keys() {
        assert!(tree.contains(key), "{key} is not in the tree");
        let escaped = key.replace('"', "&quot;");
        assert!(
            svg.contains(&format!("data-key=\"{escaped}\"")),
            "{key} is not in the picture"
        );
        assert!(
            html.contains(&format!("\"name\":\"{key}\"")),
            "{key} is not on the page"
        );
        let made = tree::makers(key).next().is_some();
        let row = format!("| {}", key.replace('|', "\\|").replace('*', "\\*"));
        assert!(!made || markdown.contains(&row), "{key} is not in the table");
    }
}

#[test]
fn without_unicode_nothing_else_is_used() {
    let sheet = Sheet::new(80).with_unicode(false);
    let found = lookup::find("K_gNB").unwrap();
    let leak = Leak::of(vec!["K_gNB"]);
    let cascade = cascade(0x46);
    let side = side(&cascade, false);
    let sides = Sides {
        ue: &side,
        network: Some(&side),
    };
    for text in [
        page::overview(&sheet),
        page::found(&sheet, &found),
        table::text(&sheet, &hierarchy::forest()),
        leak.text(&sheet),
        tree_view::render(&sheet, sides).to_string(),
        tree_view::conclusion(&sheet, Verdict::of(sides)),
    ] {
        assert!(
            text.is_ascii(),
            "{}",
            text.chars().filter(|c| !c.is_ascii()).collect::<String>()
        );
    }
}

#[test]
fn two_sides_agree_or_the_first_difference_is_named() {
    let (one, other) = (cascade(0x46), cascade(0x47));
    let (ue, same, differs) = (side(&one, false), side(&one, false), side(&other, false));
    let verdict = |network| {
        Verdict::of(Sides {
            ue: &ue,
            network: Some(network),
        })
    };
    assert_eq!((verdict(&same).differ, verdict(&same).one_sided), (0, 0));
    assert!(verdict(&same).agree > 15);
    let first = verdict(&differs).first_difference.expect("another K");
    assert_eq!((first.parent, verdict(&differs).agree), (tree::ROOT, 0));
}

#[test]
fn octets_are_shown_on_request_only() {
    let cascade = cascade(0x46);
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let secret = hex(cascade.k_amf.expose_to_operator());
    let shown = |reveal: bool| {
        let side = side(&cascade, reveal);
        let sides = Sides {
            ue: &side,
            network: None,
        };
        tree_view::render(&Sheet::new(120), sides).contains(&secret)
    };
    assert!(!shown(false) && shown(true));
    // K_gNB enters NH: a secret input.
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    let transcripts = step::serving(&supi, &Abba::INITIAL, &Selection::default(), &cascade.keys.k_gnb);
    let nh = transcripts
        .iter()
        .find(|transcript| transcript.row.child == "NH")
        .unwrap();
    let k_gnb = hex(cascade.keys.k_gnb.expose_to_operator());
    let text = |reveal: bool| step::text(&Sheet::new(120), nh, reveal);
    assert!(!text(false).contains(&k_gnb) && text(true).contains(&k_gnb));
    let fingerprint = kaskade_keys::derivation::Fingerprint::of(&cascade.keys.nh);
    let octets = cascade.keys.nh.expose_to_operator();
    let document =
        |reveal: bool| step::document(nh.row, fingerprint, (Some(32), Some(octets)), Some(nh), reveal).to_string();
    for secret in [&k_gnb, &hex(octets)] {
        assert!(!document(false).contains(secret) && document(true).contains(secret));
    }
}

#[test]
fn a_leak_takes_what_is_below_and_leaves_what_is_above() {
    let document = Leak::of(vec!["K_gNB"]).document();
    let has = |list: &str, key: &str| document[list].to_string().contains(&format!("\"{key}\""));
    assert!(has("fallen", "K_RRCenc") && !has("fallen", "K_AMF"));
    assert!(has("not_fallen", "K_AMF"));
}
