//! What firmware would link: one registration of a device, without the standard library.
//!
//! The allocator and the panic handler are this crate's own. If a crate below used `std`, there would be two of each, and the
//! compiler would refuse.
#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use alloc::vec::Vec;

use kaskade_aka::algorithm::AlgorithmKeys;
use kaskade_aka::fivegs::keys::Selection;
use kaskade_aka::usim::UsimOptions;
use kaskade_anchor::emsk::{KeyOf, Root, UsageKey};
use kaskade_anchor::erp::{Peer, PeerOptions};
use kaskade_codec::erp::Flags;
use kaskade_codec::sbi::Body;
use kaskade_codec::sbi::nudm_ueau::AuthEvent;
use kaskade_codec::usim_file::SuciCalcInfo;
use kaskade_crypto::{Autn, K, Opc, Rand};
use kaskade_flow::Moment;
use kaskade_flow::entropy::{Entropy, NoRandomness};
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::{SessionId, UsageData};
use kaskade_keys::{Abba, Plmn, RoutingIndicator, ServingNetworkName};
use kaskade_ue::card::{self, History};
use kaskade_ue::{Answer, Challenge, Device, Identity};

/// Octets of the arena.
const ARENA: usize = 1 << 16;

/// An allocator that gives out an arena once, and takes nothing back.
struct Arena {
    octets: core::cell::UnsafeCell<[u8; ARENA]>,
    used: AtomicUsize,
}

// SAFETY: each octet of the arena is given out once, by the atomic counter.
unsafe impl Sync for Arena {}

// SAFETY: what is given out lies in the arena, is aligned, and is given out once; it stays for ever.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let begin = self.octets.get() as usize;
        let take = |used: usize| {
            let at = (begin + used).next_multiple_of(layout.align()) - begin;
            at.checked_add(layout.size()).filter(|end| *end <= ARENA)
        };
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(used) => {
                let at = (begin + used).next_multiple_of(layout.align()) - begin;
                // SAFETY: `at` plus the size was at most the arena's.
                unsafe { self.octets.get().cast::<u8>().add(at) }
            }
            Err(_) => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ARENA_OF_ALL: Arena = Arena {
    octets: core::cell::UnsafeCell::new([0; ARENA]),
    used: AtomicUsize::new(0),
};

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// A device without a source of random octets: it names itself in clear.
struct Nothing;

impl Entropy for Nothing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

/// RES* of a new card for a challenge, if it accepts it and can name itself.
#[must_use]
pub fn answer(k: &[u8; 16], opc: &[u8; 16], rand: [u8; 16], autn: [u8; 16], network: &str) -> Option<[u8; 16]> {
    let keys = AlgorithmKeys::milenage(K::from_octets(k), Opc::from_octets(opc));
    let usim = card::usim(&keys, UsimOptions::default(), History::New).ok()?;
    let device = Device::new(usim, "imsi-001010000000001".parse().ok()?);
    let identity = Identity::Null {
        home: Some(Plmn::new("001", "01").ok()?),
        routing_indicator: RoutingIndicator::DEFAULT,
    };
    device.name(&identity, &mut Nothing).ok()?;
    let challenge = Challenge {
        rand: Rand::from_octets(rand),
        autn: Autn::from_octets(autn),
        abba: Abba::INITIAL,
    };
    let network: ServingNetworkName = network.parse().ok()?;
    let Answer::Accepted(accepted) = device.start(network).challenge(challenge, &mut ()) else {
        return None;
    };
    let (waiting, res_star) = accepted.kept();
    let device = waiting.security_mode(Selection::default());
    device.context()?;
    Some(*res_star.expose_to_operator())
}

/// Whether a report of an authentication can be read.
#[must_use]
pub fn report(octets: &[u8]) -> bool {
    AuthEvent::from_json(octets).is_ok()
}

/// A file of the card, read and written again.
#[must_use]
pub fn file(octets: &[u8]) -> Option<Vec<u8>> {
    Some(SuciCalcInfo::parse(octets).ok()?.emit())
}

/// A key of a slice below the EMSK of an EAP session.
#[must_use]
pub fn slice_key(emsk: &[u8; 64], session: [u8; 33], label: &str, slice: &str) -> Option<UsageKey> {
    let mut root = Root::of_eap(Emsk::from_octets(emsk), SessionId::from_octets(session));
    let data = UsageData::slice(&slice.parse().ok()?, None);
    Some(root.key(&KeyOf::usage(label.parse().ok()?, data)))
}

/// The packet that begins a re-authentication.
#[must_use]
pub fn initiate(emsk: &[u8; 64], session: [u8; 33], realm: &str) -> Option<Vec<u8>> {
    let root = Root::of_eap(Emsk::from_octets(emsk), SessionId::from_octets(session));
    let peer = Peer::home(&root, realm.parse().ok()?, PeerOptions::default()).ok()??;
    let (_, packet) = peer.start(None, Flags::default(), Moment::from_nanos(0)).ok()?;
    Some(packet)
}
