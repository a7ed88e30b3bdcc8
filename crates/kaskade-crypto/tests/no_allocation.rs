//! The authentication-vector path allocates nothing: an allocator that counts is the witness.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, prints what it saw, and casts its own constants"
)]
#![allow(unsafe_code, reason = "the trait of an allocator is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kaskade_crypto::aes::{Nea2, Nia2};
use kaskade_crypto::cipher::{BackEnd, Bearer, CipherJob, Direction, Key128, Mac32, MacJob, MessageInput};
use kaskade_crypto::gsm::{Ki, SresFunction, Triplet, comp128v1, comp128v3};
use kaskade_crypto::kdf::batch::{HmacKeys, LANES};
use kaskade_crypto::kdf::{Fc, HmacKey, sha256_one_block};
use kaskade_crypto::milenage::{Milenage, OperatorConstants, Request, vectors};
use kaskade_crypto::tuak::{Iterations, Parameters, Tuak, TuakKey};
use kaskade_crypto::xor_test::{ResLength, TestK, XorTest};
use kaskade_crypto::{Amf, K, Op, Opc, Rand, Sqn, Top, Topc};

thread_local! {
    /// Of this thread alone: the test harness allocates in others.
    static ALLOCATIONS: Cell<u32> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed on to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are handed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of<T>(work: impl FnOnce() -> T) -> u32 {
    let before = ALLOCATIONS.get();
    let result = work();
    let after = ALLOCATIONS.get();
    drop(result);
    after - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations_of(|| vec![1_u8; 100]), 1);
}

#[test]
fn a_home_vector_allocates_nothing() {
    let snn = b"5G:mnc001.mcc001.3gppnetwork.org";
    let allocations = allocations_of(|| {
        let k = K::from_octets(&[0x46; 16]);
        let opc = Opc::derive(&k, &Op::from_octets(&[0xcd; 16]));
        let (rand, sqn) = (Rand::from_octets([0x23; 16]), Sqn::MAX);
        let vector = Milenage::new(&k, &opc).vector(&rand, sqn, Amf::SEPARATION);
        let key = HmacKey::from_two(vector.ck.expose_to_derivation(), vector.ik.expose_to_derivation());
        let k_ausf = key
            .kdf(Fc::new(0x6a))
            .parameter(snn)
            .parameter(&vector.autn().sqn_xor_ak())
            .finish();
        let xres_star = key.derive(Fc::new(0x6b), |s| {
            s.push(snn).push(rand.octets()).push(vector.res.octets());
        });
        let hxres_star = sha256_one_block(rand.octets(), xres_star.low_128());
        let k_seaf = HmacKey::new(k_ausf.all()).kdf(Fc::new(0x6c)).parameter(snn).finish();
        (vector, k_seaf, xres_star, hxres_star)
    });
    assert_eq!(allocations, 0);
}

#[test]
fn the_other_sets_allocate_nothing() {
    let (k, rand) = (K::from_octets(&[0x46; 16]), Rand::from_octets([0x23; 16]));
    let allocations = allocations_of(|| {
        let key = TuakKey::from(k.clone());
        let topc = Topc::derive(&key, &Top::from_octets(&[0xcd; 32]), Iterations::ONE);
        let tuak = Tuak::new(&key, &topc, Parameters::default());
        let auts = tuak.auts(&rand, Sqn::MAX);
        assert_eq!(tuak.verify_auts(&rand, &auts), Some(Sqn::MAX));
        let vector = tuak.vector(&rand, Sqn::MAX, Amf::SEPARATION);
        let triplet = Triplet::from_vector(&rand, &vector.res, &vector.ck, &vector.ik, SresFunction::Folded);
        let ki = Ki::from_octets(&[7; 16]);
        let xor =
            XorTest::new(&TestK::from_octets(&[7; 16]), ResLength::LONGEST).vector(&rand, Sqn::MAX, Amf::SEPARATION);
        (vector, triplet, xor, comp128v1(&ki, &rand), comp128v3(&ki, &rand))
    });
    assert_eq!(allocations, 0);
}

#[test]
fn a_batch_and_a_resynchronisation_allocate_nothing() {
    let (k, opc) = (K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
    let request = Request {
        k: &k,
        opc: &opc,
        constants: &OperatorConstants::STANDARD,
        rand: Rand::from_octets([0x23; 16]),
        sqn: Sqn::MAX,
        amf: Amf::SEPARATION,
    };
    let allocations = allocations_of(|| {
        let mut places = [const { None }; 21];
        vectors(&[request; 21], &mut places).expect("as many places");
        let milenage = Milenage::new(&k, &opc);
        let auts = milenage.auts(&request.rand, Sqn::MAX);
        assert_eq!(milenage.verify_auts(&request.rand, &auts), Some(Sqn::MAX));
        places
    });
    assert_eq!(allocations, 0);
}

#[test]
fn aes_ciphers_and_codes_allocate_nothing() {
    let key = Key128::from_octets(&[0x46; 16]);
    let input = MessageInput {
        count: 1,
        bearer: Bearer::new(1).expect("5 bits"),
        direction: Direction::Uplink,
    };
    let mut messages = [[0x55; 300]; 40];
    for back_end in BackEnd::ALL {
        let allocations = allocations_of(|| {
            let Ok(nea2) = Nea2::with_back_end(&key, back_end) else {
                return;
            };
            let Ok(nia2) = Nia2::with_back_end(&key, back_end) else {
                return;
            };
            let mut macs = messages.each_ref().map(|message| MacJob {
                algorithm: &nia2,
                input,
                message: &message[..],
                mac: nia2.mac(&input, &message[..7]),
            });
            Nia2::mac_batch(&mut macs);
            assert_ne!(macs[39].mac, Mac32::from_octets([0; 4]));
            nea2.apply(&input, &mut messages[0]);
            let mut jobs = messages.each_mut().map(|message| CipherJob {
                cipher: &nea2,
                input,
                message: &mut message[..],
            });
            Nea2::apply_batch(&mut jobs);
        });
        assert_eq!(allocations, 0, "{back_end:?}");
    }
}

#[test]
fn derivations_at_once_allocate_nothing() {
    let allocations = allocations_of(|| {
        let keys = HmacKeys::from_two([(&[1; 16][..], &[2; 16][..]); LANES]);
        keys.derive(Fc::new(0x6a), [(); LANES], |(), s| {
            s.push(b"5G:mnc001.mcc001.3gppnetwork.org").push(&[0; 200]);
        })
    });
    assert_eq!(allocations, 0);
}
