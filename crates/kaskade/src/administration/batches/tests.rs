//! Batches do not depend on how their octets come.

use proptest::prelude::*;

use super::*;

/// Lines, and what is told of each.
type Told = Vec<(usize, String)>;

/// Cut anywhere, the batches are those of the whole: entries and errors with their lines.
fn cut(kind: Kind, text: &str, cuts: &[usize]) -> (Told, Told) {
    let mut batches = Batches::new(kind);
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    let mut take = |part: Part| {
        let batch = part.read(usize::MAX);
        entries.extend(batch.entries.iter().map(|entry| (entry.line, entry.supi.sbi())));
        errors.extend(
            batch
                .wrong
                .into_iter()
                .flat_map(|wrong| wrong.errors)
                .map(|wrong| (wrong.line, wrong.reason)),
        );
    };
    let mut rest = text.as_bytes();
    for cut in cuts {
        let (piece, after) = rest.split_at((*cut).min(rest.len()));
        rest = after;
        assert_eq!(batches.fill(piece), piece.len());
        while let Some(batch) = batches.next(false).unwrap() {
            take(batch);
        }
    }
    assert_eq!(batches.fill(rest), rest.len());
    while let Some(batch) = batches.next(true).unwrap() {
        take(batch);
    }
    (entries, errors)
}

fn csv(count: usize) -> String {
    let lines = (0..count).map(|number| {
        let k = if number % 700 == 699 {
            "x"
        } else {
            "465b5ce8b199b49faa5f0a2ee238a6bc"
        };
        format!(
            "00101{number:010},{k},\"e8ed289deba952e4283b54e88e6183ca\",\"a{}b\"\n",
            if number % 500 == 0 { "\n" } else { "" }
        )
    });
    std::iter::once("# cards\nimsi,k,opc,eps_profile\n".to_owned())
        .chain(lines)
        .collect()
}

#[test]
fn a_last_line_needs_no_end() {
    let text = csv(3);
    let whole = cut(Kind::Csv, text.trim_end(), &[]);
    assert_eq!(whole, cut(Kind::Csv, &text, &[]));
    assert_eq!(
        (whole.0.len(), whole.1.len()),
        (2, 1),
        "the profile of the first has a line end in it"
    );
    assert_eq!(whole.0[0].0, 5);
}

#[test]
fn a_heading_may_come_behind_a_batch_of_remarks() {
    let card = "001010000000001,465b5ce8b199b49faa5f0a2ee238a6bc,e8ed289deba952e4283b54e88e6183ca\n";
    let text = "#\n".repeat(BATCH + 500) + "imsi,k,opc\n" + card;
    let (mut batches, mut entries) = (Batches::new(Kind::Csv), 0);
    assert_eq!(batches.fill(text.as_bytes()), text.len());
    while let Some(part) = batches.next(true).unwrap() {
        let Batch { entries: some, wrong } = part.read(20);
        assert_eq!(wrong, None);
        entries += some.len();
    }
    assert_eq!(entries, 1);
}

/// What is a file without a node is one with a node.
#[test]
fn a_file_is_read_in_batches_as_in_one() {
    let card = |number: usize| {
        format!("00101{number:010},465b5ce8b199b49faa5f0a2ee238a6bc,e8ed289deba952e4283b54e88e6183ca,\"a\"\"b\"\"\"\n")
    };
    let remark = "# rack 14\" on the left\n";
    let mut text = remark.repeat(1500) + "\u{a0}\nimsi,k,opc,eps_profile\n";
    for number in 0..14_000 {
        text.push_str(&card(number));
        if number % 100 == 0 {
            text.push_str(remark);
        }
    }
    assert!(text.len() > 2 * ROOM);
    let whole = import::parse(&text, Format::Csv).unwrap();
    let whole: Vec<_> = whole.iter().map(|entry| (entry.line, entry.supi.sbi())).collect();
    let (mut batches, mut entries, mut parts) = (Batches::new(Kind::Csv), Vec::new(), 0);
    let mut rest = text.as_bytes();
    loop {
        rest = rest.get(batches.fill(rest)..).unwrap_or_default();
        match batches.next(rest.is_empty()).unwrap() {
            None if rest.is_empty() => break,
            None => {}
            Some(part) => {
                let Batch { entries: some, wrong } = part.read(20);
                assert_eq!(wrong, None);
                entries.extend(some.iter().map(|entry| (entry.line, entry.supi.sbi())));
                parts += 1;
            }
        }
    }
    assert!(parts > 9, "{parts}");
    assert_eq!(entries, whole);
}

/// Octets that come one by one are looked at a few times each.
#[test]
fn octets_one_by_one_cost_no_more_than_twice() {
    for line in [" ", "\n", "\"x\n", "y"] {
        let mut batches = Batches::new(Kind::Csv);
        batches.fill(b"imsi,k,opc\n\"");
        let begin = std::time::Instant::now();
        for octet in line.bytes().cycle().take(300_000) {
            batches.fill(&[octet]);
            if batches.next(false).is_err() {
                break;
            }
        }
        assert!(
            begin.elapsed() < std::time::Duration::from_secs(4),
            "{line:?}: {:?}",
            begin.elapsed()
        );
    }
}

/// What comes out of batches of a few octets and lines; `None` where a line is longer than any.
fn in_small(kind: Kind, octets: &[u8], cuts: &[usize]) -> Option<(Told, Told)> {
    let mut batches = Batches::of(kind, 200, 3);
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (octets.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(octets.len());
    let mut from = 0;
    for (at, end) in ends.iter().enumerate() {
        loop {
            from += batches.fill(&octets[from..*end]);
            let last = at + 1 == ends.len() && from == octets.len();
            match batches.next(last).ok()? {
                Some(part) => {
                    let batch = part.read(usize::MAX);
                    entries.extend(batch.entries.iter().map(|entry| (entry.line, entry.supi.sbi())));
                    let wrong = batch.wrong.into_iter().flat_map(|wrong| wrong.errors);
                    errors.extend(wrong.map(|wrong| (wrong.line, wrong.reason)));
                }
                None if from == *end => break,
                None => {}
            }
        }
    }
    Some((entries, errors))
}

/// Pieces of files, of which some make whole ones and most do not.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let card = |number: u8| {
        format!("00101000000000{number},465b5ce8b199b49faa5f0a2ee238a6bc,e8ed289deba952e4283b54e88e6183ca\n")
            .into_bytes()
    };
    let piece = prop_oneof![
        Just(b"imsi,k,opc\n".to_vec()),
        (0_u8..3).prop_map(card),
        proptest::sample::select(vec![
            "\"", "\n", "#", ",", ";", "a", "\r", " ", "\"\"", "\"\n", "\u{a0}", "\u{feff}", "{}\n"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        proptest::sample::select(vec![0xff_u8, 0xc3, 0xe2, 0x82]).prop_map(|octet| vec![octet]),
        (60_usize..90).prop_map(|len| vec![b'a'; len]),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn batches_do_not_depend_on_where_octets_are_cut(cuts in proptest::collection::vec(1_usize..40_000, 0..12)) {
        let text = csv(2500);
        let whole = cut(Kind::Csv, &text, &[]);
        prop_assert_eq!(whole.0.len() + whole.1.len(), 2500);
        prop_assert_eq!(cut(Kind::Csv, &text, &cuts), whole);
    }

    #[test]
    fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..300), kind in any::<bool>()) {
        let mut batches = Batches::new(if kind { Kind::Csv } else { Kind::Ndjson });
        batches.fill(&octets);
        while let Ok(Some(part)) = batches.next(true) {
            part.read(20);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn what_is_wrong_does_not_depend_on_where_octets_are_cut(
        octets in pieces(),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
        kind in any::<bool>(),
    ) {
        let kind = if kind { Kind::Csv } else { Kind::Ndjson };
        let whole = in_small(kind, &octets, &[]);
        prop_assert_eq!(in_small(kind, &octets, &cuts), whole.clone());
        let each: Vec<usize> = (0..octets.len()).collect();
        prop_assert_eq!(in_small(kind, &octets, &each), whole);
    }
}
