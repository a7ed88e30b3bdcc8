//! Rows read back as they were written, and garbage is an error.

use kaskade_aka::sqn::{Back, Generator, Seq, Spent, SqnLayout, SqnParts, SqnRecord};
use kaskade_store::RowError;
use kaskade_store::row::{Row, decode_sqn, encode_sqn};
use proptest::prelude::*;

fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![Just(0), 0..200_u64, 0..1_u64 << 40, Just((1 << 40) - 1)].prop_map(Seq)
}

fn generator() -> impl Strategy<Value = Generator> {
    prop_oneof![
        Just(Generator::Unanchored),
        Just(Generator::NonTimeBased),
        (any::<i64>(), seq()).prop_map(|(dif, horizon)| Generator::TimeBased { dif, horizon }),
        (2..=32_u8).prop_map(|seq2_bits| Generator::General { seq2_bits, d: 1 }),
    ]
}

prop_compose! {
    fn record()(
        ind_bits in 0..=8_u8,
        generator in generator(),
        (reserved, epoch_start, proven) in (seq(), seq(), seq()),
        spent in proptest::collection::vec((seq(), 0..1000_u64), 0..=Spent::CAPACITY),
        (followed, debt, reuses, granted) in (0..1_u64 << 48, 0..1_u64 << 48, any::<u32>(), any::<bool>()),
    ) -> SqnRecord {
        let end = |(first, len): (Seq, u64)| (first, Seq((first.0 + len).min((1 << 40) - 1)));
        let spent: Vec<_> = spent.into_iter().map(end).collect();
        let spent = Spent::from_intervals(&spent).expect("few");
        let layout = SqnLayout::new(ind_bits).expect("few bits");
        SqnRecord::from_parts(SqnParts { layout, generator, reserved, epoch_start, proven, spent, back: Back { followed, debt, reuses, granted } }).expect("fits")
    }
}

proptest! {
    #[test]
    fn a_record_reads_back(record in record()) {
        let octets = encode_sqn(&record);
        prop_assert!(octets.len() < 256 - 33, "its length with life, flags and code is one octet");
        prop_assert_eq!(decode_sqn(&octets), Ok(record));
    }

    #[test]
    fn garbage_is_an_error_or_a_row(octets in any::<Vec<u8>>()) {
        let _ = Row::decode(&octets);
        if let Ok(record) = decode_sqn(&octets) {
            prop_assert_eq!(decode_sqn(&encode_sqn(&record)), Ok(record));
        }
    }

    #[test]
    fn a_damaged_record_is_an_error_or_a_record(record in record(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut octets = encode_sqn(&record);
        let at = at.index(octets.len());
        octets[at] ^= 1_u8 << bit;
        let _ = decode_sqn(&octets);
        octets.truncate(at);
        prop_assert!(decode_sqn(&octets).is_err() || at > 5);
    }
}

#[test]
fn the_reason_is_named() {
    assert_eq!(decode_sqn(&[]), Err(RowError::Length));
    assert_eq!(decode_sqn(&[3, 0, 5, 0, 1, 0]), Err(RowError::Version(3)));
    assert_eq!(decode_sqn(&[1, 9, 5, 0, 1, 0]), Err(RowError::Field("SQN scheme")));
    assert_eq!(decode_sqn(&[1, 0, 9, 0, 1, 0]), Err(RowError::Field("IND bits")));
    assert_eq!(decode_sqn(&[1, 0, 5, 0x80]), Err(RowError::Length));
    assert_eq!(
        decode_sqn(&[&[1, 0, 5], &[0xff; 11][..]].concat()),
        Err(RowError::Field("number"))
    );
    assert_eq!(Row::decode(&[2]), Err(RowError::Length));
    assert_eq!(Row::decode(&[7, 1, 0, 0x80, 0, 0]), Err(RowError::Version(7)));
    assert_eq!(Row::decode(&[2, 9, 0, 0x80, 0, 0]), Err(RowError::Field("algorithm")));
    assert_eq!(Row::decode(&[2, 1, 0, 0x80, 0, 0]), Err(RowError::Length));
}
