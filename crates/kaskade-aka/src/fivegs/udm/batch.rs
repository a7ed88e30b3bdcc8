//! Many 5G HE AVs at once.

use kaskade_keys::ServingNetworkName;
use kaskade_keys::lanes::{LANES, PreparedLanes, fewest};
use kaskade_keys::umts::{CkIk, SqnXorAk};

use super::{HeAv5g, he_av};
use crate::auc::{self, LengthsDiffer, Quintet};

/// What one 5G HE AV of a batch is made from.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The UMTS vector that it starts from.
    pub quintet: auc::Request<'a>,
    /// The serving network, already authorised.
    pub serving_network_name: &'a ServingNetworkName,
}

/// Makes the 5G HE AV of each request, in the same place of `he_avs`: those of [`he_av`](super::he_av).
///
/// For whoever has many to make: vectors in advance, load generators, measurements. Subscriptions and serving networks
/// may differ. Where the processor has lanes for it, sixteen are made together, with the AES of MILENAGE and the HMACs
/// side by side; a rest of fewer than [`fewest`] is made one by one. Each SQN must never have been used for its subscription, and be durable as used.
/// Allocates nothing.
///
/// # Errors
///
/// When the two slices are not of the same length; then nothing is done.
///
/// ```
/// use kaskade_aka::auc::{self, Credentials};
/// use kaskade_aka::fivegs::udm::{self, Request};
/// use kaskade_crypto::{K, Opc, Rand, Sqn};
///
/// let credentials = Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
/// let serving_network_name = "5G:mnc001.mcc001.3gppnetwork.org".parse()?;
/// let requests: Vec<_> = (1..=20)
///     .map(|n| Request {
///         quintet: auc::Request {
///             credentials: &credentials,
///             rand: Rand::from_octets([n; 16]),
///             sqn: Sqn::from_octets([0, 0, 0, 0, n, 0]),
///         },
///         serving_network_name: &serving_network_name,
///     })
///     .collect();
/// let mut he_avs = vec![None; requests.len()];
/// udm::he_avs(&requests, &mut he_avs)?;
/// assert!(he_avs.iter().all(|he_av| he_av.is_some()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn he_avs(requests: &[Request<'_>], he_avs: &mut [Option<HeAv5g>]) -> Result<(), LengthsDiffer> {
    LengthsDiffer::check(requests.len(), he_avs.len())?;
    let fewest = fewest().unwrap_or(usize::MAX);
    for (requests, places) in requests.chunks(LANES).zip(he_avs.chunks_mut(LANES)) {
        match requests.first() {
            Some(first) if requests.len() >= fewest => side_by_side(first, requests, places)?,
            _ => one_by_one(requests, places),
        }
    }
    Ok(())
}

fn one_by_one(requests: &[Request<'_>], places: &mut [Option<HeAv5g>]) {
    for (request, place) in requests.iter().zip(places) {
        let auc::Request { credentials, rand, sqn } = &request.quintet;
        *place = Some(he_av(credentials, rand, *sqn, request.serving_network_name));
    }
}

/// At most sixteen; `first` is the first of them.
fn side_by_side(
    first: &Request<'_>,
    requests: &[Request<'_>],
    places: &mut [Option<HeAv5g>],
) -> Result<(), LengthsDiffer> {
    let mut of_auc = [first.quintet; LANES];
    for (place, request) in of_auc.iter_mut().zip(requests) {
        *place = request.quintet;
    }
    let mut quintets = [const { None }; LANES];
    let quintets = &mut quintets[..requests.len()];
    auc::quintets(&of_auc[..requests.len()], quintets)?;

    let quintets = quintets.iter().flatten();
    let bound = || {
        quintets
            .clone()
            .zip(requests.iter().map(|request| request.serving_network_name))
    };
    let ck_ik = PreparedLanes::<CkIk>::from_ck_ik(quintets.clone().map(|quintet| (&quintet.ck, &quintet.ik)));
    let k_ausf = ck_ik.k_ausf(bound().map(|(quintet, name)| (name, SqnXorAk::from(&quintet.autn))));
    let xres_star = ck_ik.xres_star(bound().map(|(quintet, name)| (name, &quintet.rand, &quintet.xres)));
    let keys = k_ausf.of_lanes().zip(xres_star.of_lanes());
    for ((Quintet { rand, autn, .. }, (k_ausf, xres_star)), place) in quintets.clone().zip(keys).zip(places) {
        *place = Some(HeAv5g {
            rand: *rand,
            autn: *autn,
            xres_star,
            k_ausf,
        });
    }
    Ok(())
}
