//! Subscriber files: what is read, what is refused with which words, and that no error shows a secret.

use kaskade::import::{Entry, Format, Secrets, parse};
use kaskade_aka::auc::{AlgorithmProfile, GsmAlgorithm};
use kaskade_aka::sqn::SqnScheme;
use kaskade_crypto::tuak::{Iterations, Parameters, VectorRes};
use kaskade_crypto::xor_test::ResLength;
use kaskade_crypto::{Amf, K, Op, Opc, Sqn};
use kaskade_store::{Algorithm, SubscriberSecrets};
use proptest::prelude::*;

const K1: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
const OPC1: &str = "e8ed289deba952e4283b54e88e6183ca";

fn octets(hex: &str) -> [u8; 16] {
    hex::decode(hex).expect("hex").try_into().expect("16 octets")
}

/// K, which of the two was given, and the OPc that follows.
fn clear(entry: &Entry) -> (K, String, Opc) {
    let Secrets::Clear(SubscriberSecrets::Milenage { k, operator, .. }) = &entry.secrets else {
        unreachable!("no file here is sealed or of another set");
    };
    (k.clone(), format!("{operator:?}"), operator.opc(k))
}

fn csv(text: &str) -> Result<Vec<Entry>, String> {
    parse(text, Format::Csv).map_err(|error| error.to_string())
}

fn toml(text: &str) -> Result<Vec<Entry>, String> {
    parse(text, Format::Toml).map_err(|error| error.to_string())
}

#[test]
fn both_formats_say_the_same() {
    let from_csv = csv(&format!(
        "supi,k,opc,op,amf,sqn_scheme,sqn\n\
         imsi-001010000000001,{K1},{OPC1},,8000,,\n\
         imsi-001010000000002,{K1},,{OPC1},b9b9,NON_TIME_BASED,0000000000a1\n"
    ))
    .expect("good");
    let from_toml = toml(&format!(
        "[[subscriber]]\nsupi = \"imsi-001010000000001\"\nk = \"{K1}\"\nopc = \"{OPC1}\"\n\n\
         [[subscriber]]\nimsi = \"001010000000002\"\nk = \"{K1}\"\nop = \"{OPC1}\"\namf = \"B9B9\"\n\
         sqn_scheme = \"non-time-based\"\nsqn = \"0000000000A1\"\n"
    ))
    .expect("good");
    let lines: Vec<usize> = from_csv.iter().chain(&from_toml).map(|entry| entry.line).collect();
    assert_eq!(lines, [2, 3, 1, 6]);
    for (a, b) in from_csv.iter().zip(&from_toml) {
        assert_eq!(
            (&a.supi, a.amf, a.sqn_scheme, a.sqn),
            (&b.supi, b.amf, b.sqn_scheme, b.sqn)
        );
        assert_eq!(clear(a), clear(b));
    }
    let k = K::from_octets(&octets(K1));
    let [first, second] = from_csv.try_into().expect("two");
    let opc = Opc::from_octets(&octets(OPC1));
    assert_eq!(clear(&first), (k.clone(), "OPc(…)".into(), opc.clone()));
    assert_eq!((first.amf, first.sqn_scheme, first.sqn), (Amf::SEPARATION, None, None));
    let from_op = Opc::derive(&k, &Op::from_octets(&octets(OPC1)));
    assert_ne!(from_op, opc, "OP is not OPc");
    assert_eq!(clear(&second), (k, "OP(…)".into(), from_op));
    assert_eq!(
        (second.sqn_scheme, second.sqn),
        (Some(SqnScheme::NonTimeBased), Sqn::new(0xa1))
    );
}

#[test]
fn what_spreadsheets_write() {
    let entries = csv(&format!(
        "\u{feff}IMSI;Ki;OPc\r\n# a comment\r\n\r\n\"001010000000001\"; {K1} ;{OPC1}\r\n"
    ))
    .expect("good");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].line, 4);
    assert_eq!(entries[0].supi.sbi(), "imsi-001010000000001");
    let tabs = csv(&format!("supi\tk\topc\nimsi-00101\t{K1}\t{OPC1}")).expect("good");
    assert_eq!(tabs.len(), 1);
}

#[test]
fn refusals_say_what_to_do() {
    let untyped = csv(&format!("supi,k,op_opc\nimsi-00101,{K1},{OPC1}\n")).expect_err("untyped");
    assert!(
        untyped.contains("line 1") && untyped.contains("does not say whether the value is OP or OPc"),
        "{untyped}"
    );
    let untyped = toml(&format!(
        "[[subscriber]]\nsupi = \"imsi-00101\"\nk = \"{K1}\"\nop_or_opc = \"{OPC1}\"\n"
    ))
    .expect_err("untyped");
    assert!(untyped.contains("line 1") && untyped.contains("OP or OPc"), "{untyped}");

    let both = csv(&format!("supi,k,op,opc\nimsi-00101,{K1},{OPC1},{OPC1}\n")).expect_err("both");
    assert!(both.starts_with("line 2: both op and opc"), "{both}");
    let short = csv(&format!("supi,k,opc\nimsi-00101,{},{OPC1}\n", &K1[1..])).expect_err("short");
    assert_eq!(short, "line 2: k: 31 hexadecimal digits, expected 32 (16 octets)");
    let mangled = csv(&format!("supi,k,opc\nimsi-00101,4.65E+31,{OPC1}\n")).expect_err("mangled");
    assert!(mangled.contains("spreadsheet"), "{mangled}");
    let unknown = csv("supi,k,opc,apn\n").expect_err("unknown");
    assert!(unknown.contains("unknown column `apn`"), "{unknown}");
    let no_heading = csv(&format!("imsi-001010000000001,{K1},{OPC1}\n")).expect_err("no heading");
    assert!(no_heading.contains("must name the columns"), "{no_heading}");
    let fields = csv(&format!("supi,k,opc\nimsi-00101,{K1}\n")).expect_err("fields");
    assert_eq!(fields, "line 2: 2 fields, expected 3");
    assert!(csv("").expect_err("empty").contains("empty"));
    assert!(toml("").expect_err("empty").contains("[[subscriber]]"));
    let field = toml("[[subscriber]]\nsupi = \"imsi-00101\"\nkey = \"1\"\n").expect_err("field");
    // What is there to be refused only is not listed.
    assert!(
        field.contains("supi (or imsi), k,") && !field.contains("op_or_opc"),
        "{field}"
    );
    let table = toml("[[subscribers]]\nsupi = \"imsi-00101\"\n").expect_err("table");
    assert!(table.contains("expected [[subscriber]] tables"), "{table}");
    // A boolean or a number of TOML, and the same as text.
    let of = |values: [&str; 5]| {
        let [akma, best, suspended, octets, iterations] = values;
        let topc = "0".repeat(64);
        toml(&format!(
            "[[subscriber]]\nsupi = \"imsi-001010000000001\"\nalgorithm = \"tuak\"\nk = \"{K1}\"\ntopc = \"{topc}\"\n\
             akma = {akma}\nbest = {best}\nsuspended = {suspended}\nres_octets = {octets}\ntuak_iterations = {iterations}\n"
        ))
    };
    let typed = of(["true", "false", "true", "16", "2"]).expect("values of TOML");
    let text = of(["\"yes\"", "\"no\"", "\"yes\"", "\"16\"", "\"2\""]).expect("text");
    assert_eq!(format!("{typed:?}"), format!("{text:?}"));
    assert!(typed.iter().all(|entry| entry.subscription.akma_allowed));
    for wrong in [
        ["1", "false", "true", "16", "2"],
        ["true", "false", "true", "true", "2"],
        ["true", "[]", "true", "8", "-1"],
    ] {
        let said = of(wrong).expect_err("no such value");
        assert!(said.starts_with("line "), "{said}");
    }
    assert!(field.contains("line 3") && field.contains("key"), "{field}");
}

#[test]
fn other_sets_and_what_does_not_fit_them() {
    let topc = [OPC1, OPC1].concat();
    let entries = csv(&format!(
        "supi,algorithm,k,topc,tuak_iterations,res_octets\n\
         imsi-00101,tuak,{K1}{K1},{topc},7,16\nimsi-00102,xor,{K1},,,4\nimsi-00103,comp128v3,{K1},,,\n"
    ))
    .expect("good");
    let algorithms: Vec<_> = entries
        .iter()
        .map(|entry| match &entry.secrets {
            Secrets::Clear(secrets) => secrets.algorithm(),
            Secrets::Sealed(_) => unreachable!("none is sealed"),
        })
        .collect();
    let parameters = Parameters {
        res: VectorRes::Octets16,
        iterations: Iterations::new(7).expect("not 0"),
    };
    let res_length = ResLength::new(4).expect("in range");
    assert_eq!(
        algorithms,
        [
            AlgorithmProfile::Tuak { parameters }.into(),
            AlgorithmProfile::Xor { res_length }.into(),
            Algorithm::Gsm(GsmAlgorithm::Comp128v3)
        ]
    );
    for (line, expected) in [
        (
            format!("tuak,{K1},{OPC1},,,"),
            "opc is given, but tuak has none: is the algorithm right?",
        ),
        (format!("tuak,{K1},,,,"), "neither top nor topc is given"),
        (
            format!("tuak,{K1},,{topc},0,"),
            "TUAK: 0 iterations of the permutation, expected 1 to 255",
        ),
        (
            format!("tuak,{K1},,{topc},256,"),
            "tuak_iterations: not a number from 0 to 255",
        ),
        (
            format!("tuak,{K1},,{OPC1},,"),
            "topc: 32 hexadecimal digits, expected 64 (32 octets)",
        ),
        (
            format!("xor,{K1},,,,17"),
            "XOR test algorithm: RES of 17 octets, expected 4 to 16",
        ),
        (
            format!("comp128v1,{K1},,,,8"),
            "res_octets is given, but comp128v1 has none: is the algorithm right?",
        ),
        (
            format!(",{K1},{OPC1},,,8"),
            "res_octets is given, but milenage has none: is the algorithm right?",
        ),
        ("xor,,,,,".into(), "k is missing, 32 hexadecimal digits"),
        (
            format!("tuk,{K1},,,,"),
            "unknown algorithm, expected one of milenage, tuak, xor, comp128v1, comp128v2, comp128v3",
        ),
    ] {
        let file = format!("supi,algorithm,k,opc,topc,tuak_iterations,res_octets\nimsi-00101,{line}\n");
        assert_eq!(csv(&file).expect_err("does not fit"), format!("line 2: {expected}"));
    }
    let sealed = csv("supi,algorithm,sealed\nimsi-00101,tuak,00\n").expect_err("both");
    assert!(sealed.contains("sealed stands beside algorithm"), "{sealed}");
}

#[test]
fn all_errors_at_once_and_duplicates() {
    let mut text = format!("supi,k,opc\nimsi-00101,{K1},{OPC1}\nimsi-00101,{K1},{OPC1}\n");
    for _ in 0..30 {
        text.push_str("imsi-1,,\n");
    }
    let said = csv(&text).expect_err("wrong");
    assert!(
        said.starts_with("line 3: imsi-00101 stands in line 2 already\nline 4: IMSI: 1 digits"),
        "{said}"
    );
    assert!(said.ends_with("and 11 more errors"), "{said}");
}

#[test]
fn no_error_shows_a_secret() {
    let number = K1.replace(|c: char| !c.is_ascii_digit(), "1");
    let files = [
        format!("[[subscriber]]\nsupi = \"imsi-00101\"\nk = {number}\n"),
        format!("[[subscriber]]\nsupi = \"imsi-00101\"\nk = {K1}\n"),
        format!("[[subscriber]]\n{K1} = \"x\"\n"),
        format!("[[subscriber]]\nk = \"{K1}\nopc = 1"),
        format!("{K1} = {K1}"),
    ];
    for file in files {
        let said = toml(&file).expect_err("wrong");
        assert!(!said.contains(&K1[..8]) && !said.contains(&number[..8]), "{said}");
    }
    for file in [
        format!("{K1},supi\n"),
        format!("supi,k,opc\nimsi-00101,{K1}x,{OPC1}\n"),
        format!("supi,k,opc\n{K1},{K1},{OPC1}\n"),
        format!("supi,k,opc\nimsi-00101,\"{K1},{OPC1}\n"),
    ] {
        let said = csv(&file).expect_err("wrong");
        assert!(!said.contains(&K1[..8]) && !said.contains(&OPC1[..8]), "{said}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,300}", format in prop_oneof![Just(Format::Csv), Just(Format::Toml)]) {
        let _ = parse(&text, format);
    }

    #[test]
    fn reads_every_good_line(count in 1..60_usize, separator in prop_oneof![Just(','), Just(';'), Just('\t')], seed: [u8; 16]) {
        let mut text = format!("supi{separator}k{separator}opc\n");
        for number in 0..count {
            text.push_str(&format!("imsi-0010100000{number:05}{separator}{}{separator}{OPC1}\n", hex::encode(seed)));
        }
        let entries = csv(&text).expect("good");
        prop_assert_eq!(entries.len(), count);
        for entry in entries {
            let opc = Opc::from_octets(&octets(OPC1));
            prop_assert_eq!(clear(&entry), (K::from_octets(&seed), "OPc(…)".to_owned(), opc));
        }
    }
}
