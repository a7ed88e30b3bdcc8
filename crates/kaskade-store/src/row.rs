//! The octets of a subscriber's row: what is in clear, and where the sealed part is.
//!
//! ```text
//! row     clear ‖ nonce 12 ‖ sealed ‖ tag 16
//! clear   version 1 ‖ algorithm 1 ‖ methods 1 ‖ AMF 2 ‖ flags 1 ‖ parameters of the algorithm
//!         ‖ life 16 ‖ number of each method ‖ length of the fields ‖ fields
//! field   tag 1 ‖ length ‖ octets                    lengths as LEB128, tags ascend
//! sealed  K, and OPc or TOPc, and OP or TOP if given: see `secrets`
//! ```
//!
//! The seal authenticates the clear part and the SUPI. The life names the credential whose sequence numbers stand beside this
//! row (`sqn_row`). A field that is not known here is an error: a later version would raise the version of the row instead.

use kaskade_crypto::Amf;
use kaskade_crypto::store_keys::LIFE_LEN;
use kaskade_faults::fault;
use kaskade_keys::RoutingIndicator;

use crate::error::RowError;
use crate::leb128;
use crate::model::{AuthMethods, BestSubscription, EpsProfile, Subscription};
use crate::numbers_row::number;
pub use crate::numbers_row::{decode_sqn, encode_sqn};
use crate::secrets::Layout;

/// Of a subscriber's row.
pub(crate) const VERSION: u8 = 2;
/// In place of the version: a row of an earlier format that was damaged when the store was converted, kept as it was.
pub(crate) const DAMAGED_BEFORE: u8 = 0;

/// Octets of the nonce of AES-256-GCM.
pub const NONCE_LEN: usize = 12;
/// Octets of the tag of AES-256-GCM.
pub const TAG_LEN: usize = 16;

const GPSI: u8 = 1;
const ROUTING_INDICATOR: u8 = 2;
const AKMA_ALLOWED: u8 = 3;
const BEST: u8 = 4;
const EPS: u8 = 5;
const SUSPENDED: u8 = 6;

/// A subscriber's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The algorithm set, and with it how the sealed octets are read.
    pub layout: Layout,
    /// The methods.
    pub methods: AuthMethods,
    /// AMF.
    pub amf: Amf,
    /// Names the credential.
    pub life: [u8; LIFE_LEN],
    /// The services, not read yet: see [`Row::subscription`].
    fields: &'a [u8],
    /// The octets that the seal authenticates.
    pub clear: &'a [u8],
    /// The nonce of the seal, 12 octets.
    pub nonce: &'a [u8; NONCE_LEN],
    /// The sealed octets, without tag.
    pub sealed: &'a [u8],
    /// The tag, 16 octets.
    pub tag: &'a [u8; TAG_LEN],
}

/// What a vector needs to know of the services.
pub(crate) struct ForAVector {
    /// Whether nothing may be made of the card.
    pub(crate) suspended: bool,
    /// Whether it has AKMA, and then its routing indicator.
    pub(crate) akma: Option<RoutingIndicator>,
}

impl<'a> Row<'a> {
    /// Reads a row.
    ///
    /// # Errors
    /// [`RowError`] when the octets are not a row.
    #[inline]
    pub fn decode(octets: &'a [u8]) -> Result<Self, RowError> {
        let (&[version, algorithm, methods, amf0, amf1, flags], rest) =
            octets.split_first_chunk().ok_or(RowError::Length)?;
        match version {
            VERSION => {}
            DAMAGED_BEFORE => return Err(RowError::Field("it was so before the store was converted")),
            version => return Err(RowError::Version(version)),
        }
        let (layout, rest) = Layout::decode(algorithm, flags, rest)?;
        let (life, rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let (methods, mut rest) = rest.split_at_checked(methods.into()).ok_or(RowError::Length)?;
        let methods = AuthMethods::of_numbers(methods).ok_or(RowError::Field("methods"))?;
        let len = usize::try_from(number(&mut rest)?).map_err(|_| RowError::Length)?;
        let (fields, rest) = rest.split_at_checked(len).ok_or(RowError::Length)?;
        let clear = octets.get(..octets.len() - rest.len()).ok_or(RowError::Length)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let (sealed, tag) = rest.split_last_chunk().ok_or(RowError::Length)?;
        if sealed.len() != layout.sealed_len() {
            return Err(RowError::Length);
        }
        Ok(Self {
            layout,
            methods,
            amf: Amf::from_octets([amf0, amf1]),
            life: *life,
            fields,
            clear,
            nonce,
            sealed,
            tag,
        })
    }

    /// The services.
    ///
    /// # Errors
    /// [`RowError`] when they are damaged.
    pub fn subscription(&self) -> Result<Subscription, RowError> {
        let mut subscription = Subscription::default();
        let (mut rest, mut before) = (self.fields, 0);
        while let Some((tag, after)) = rest.split_first() {
            rest = after;
            let len = usize::try_from(number(&mut rest)?).map_err(|_| RowError::Length)?;
            let (octets, after) = rest.split_at_checked(len).ok_or(RowError::Length)?;
            rest = after;
            if *tag <= before {
                return Err(RowError::Field("order of fields"));
            }
            before = *tag;
            let text = core::str::from_utf8(octets);
            match *tag {
                GPSI => {
                    let gpsi = text.ok().and_then(|text| text.parse().ok());
                    subscription.gpsi = Some(gpsi.ok_or(RowError::Field("GPSI"))?);
                }
                ROUTING_INDICATOR => {
                    let octets = octets.try_into().ok();
                    let read = octets.and_then(|octets| RoutingIndicator::from_nas_octets(octets).ok());
                    subscription.routing_indicator = Some(read.ok_or(RowError::Field("routing indicator"))?);
                }
                AKMA_ALLOWED if octets.is_empty() => subscription.akma_allowed = true,
                BEST if matches!(octets, [0 | 1]) => {
                    let separated_umts = octets == [1];
                    subscription.best = Some(BestSubscription { separated_umts });
                }
                EPS => {
                    let name = text.ok().and_then(EpsProfile::new);
                    subscription.eps = Some(name.ok_or(RowError::Field("EPS profile"))?);
                }
                SUSPENDED if octets.is_empty() => subscription.suspended = true,
                _ => return Err(RowError::Field("an unknown field")),
            }
        }
        Ok(subscription)
    }

    /// What a vector needs to know of the services, without reading more of the others than where they begin and end.
    ///
    /// # Errors
    /// [`RowError`] when they are damaged.
    #[inline]
    pub(crate) fn for_a_vector(&self) -> Result<ForAVector, RowError> {
        let (mut suspended, mut akma, mut routing_indicator) = (false, false, RoutingIndicator::DEFAULT);
        let mut rest = self.fields;
        while let Some((tag, after)) = rest.split_first() {
            rest = after;
            let len = usize::try_from(number(&mut rest)?).map_err(|_| RowError::Length)?;
            let (octets, after) = rest.split_at_checked(len).ok_or(RowError::Length)?;
            rest = after;
            match *tag {
                ROUTING_INDICATOR => {
                    let octets = octets.try_into().ok();
                    let read = octets.and_then(|octets| RoutingIndicator::from_nas_octets(octets).ok());
                    routing_indicator = read.ok_or(RowError::Field("routing indicator"))?;
                }
                AKMA_ALLOWED => akma = true,
                SUSPENDED => suspended = true,
                _ => {}
            }
        }
        Ok(ForAVector {
            suspended,
            akma: (akma || fault!("akma-unasked")).then_some(routing_indicator),
        })
    }

    /// The clear part of a new row.
    pub(crate) fn encode_clear(
        layout: &Layout,
        (methods, subscription): (AuthMethods, &Subscription),
        amf: Amf,
        life: &[u8; LIFE_LEN],
    ) -> Vec<u8> {
        let [amf0, amf1] = *amf.octets();
        let count = u8::try_from(methods.numbers().count()).unwrap_or(u8::MAX);
        let mut row = vec![VERSION, layout.number(), count, amf0, amf1, layout.flags()];
        layout.push_parameters(&mut row);
        row.extend_from_slice(life);
        row.extend(methods.numbers());
        let fields = encode_fields(subscription);
        leb128::push(&mut row, fields.len() as u64);
        row.extend_from_slice(&fields);
        row
    }
}

fn encode_fields(subscription: &Subscription) -> Vec<u8> {
    let Subscription {
        gpsi,
        routing_indicator,
        akma_allowed,
        best,
        eps,
        suspended,
    } = subscription;
    let mut fields = Vec::new();
    let mut put = |tag, octets: &[u8]| {
        fields.push(tag);
        leb128::push(&mut fields, octets.len() as u64);
        fields.extend_from_slice(octets);
    };
    if let Some(gpsi) = gpsi {
        put(GPSI, gpsi.as_str().as_bytes());
    }
    if let Some(indicator) = routing_indicator {
        put(ROUTING_INDICATOR, &indicator.nas_octets());
    }
    if *akma_allowed {
        put(AKMA_ALLOWED, &[]);
    }
    if let Some(BestSubscription { separated_umts }) = best {
        put(BEST, &[u8::from(*separated_umts)]);
    }
    if let Some(eps) = eps {
        put(EPS, eps.as_str().as_bytes());
    }
    if *suspended {
        put(SUSPENDED, &[]);
    }
    fields
}
