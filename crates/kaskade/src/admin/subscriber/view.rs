//! A subscriber as it is shown: K and operator codes as fingerprints.

use kaskade::hex_field;
use kaskade::subscription::{best_text, name_of};
use kaskade_aka::auc::GsmKeys;
use kaskade_aka::sqn::{Ind, SqnRecord};
use kaskade_crypto::Sqn;
use kaskade_crypto::tuak::TuakKey;
use kaskade_keys::Gpsi;
use kaskade_keys::derivation::Fingerprint;
use kaskade_store::{Algorithm, AlgorithmProfile, EpsProfile, OpOrOpc, Subscriber, SubscriberSecrets, TopOrTopc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A subscriber.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SubscriberView {
    /// SUPI.
    pub(crate) supi: String,
    /// Fingerprint of K: 4 octets as hexadecimal digits.
    pub(crate) k_fingerprint: String,
    /// Which operator code was given: OP, OPc, TOP or TOPc.
    pub(crate) operator_code: Option<String>,
    /// Its fingerprint.
    pub(crate) operator_code_fingerprint: Option<String>,
    /// The algorithm of the card.
    pub(crate) algorithm: String,
    /// Whether it authenticates in GSM only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) gsm_only: bool,
    /// Whether MILENAGE has constants of the operator's own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) own_constants: bool,
    /// Octets of RES, where the operator chooses them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) res_octets: Option<u8>,
    /// How often TUAK applies its permutation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tuak_iterations: Option<u8>,
    /// AMF of its vectors: 4 hexadecimal digits.
    pub(crate) amf: String,
    /// How its SQN is made.
    pub(crate) sqn_scheme: String,
    /// The highest SQN that may have been issued: 12 hexadecimal digits.
    pub(crate) highest_sqn: String,
    /// Whether no SQN is left above it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) sqn_at_its_end: bool,
    /// How often numbers of an older epoch were issued again.
    pub(crate) sqn_reused: u32,
    /// Whether the next fresh AUTS is followed wherever the card is.
    pub(crate) sqn_reuse_allowed: bool,
    /// The methods that it may authenticate with, the preferred one first.
    pub(crate) methods: Vec<String>,
    /// GPSI, masked unless it is asked for.
    pub(crate) gpsi: Option<String>,
    /// Routing indicator of its card.
    pub(crate) routing_indicator: Option<String>,
    /// Whether keys for applications are made of its authentications.
    pub(crate) akma: bool,
    /// Whether and how keys for battery-powered things are made.
    pub(crate) best: String,
    /// The name of the subscription data that an MME gets.
    pub(crate) eps_profile: Option<String>,
    /// Whether it is suspended: refused until it is resumed.
    pub(crate) suspended: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl SubscriberView {
    /// Of a subscriber.
    pub(crate) fn of(subscriber: &Subscriber, reveal_gpsi: bool) -> Self {
        let secrets = &subscriber.secrets;
        let (code, fingerprint) = operator(secrets).unzip();
        let algorithm = secrets.algorithm();
        let (res_octets, iterations) = match &algorithm {
            Algorithm::Umts(AlgorithmProfile::Tuak { parameters }) => {
                (Some(parameters.res.octets()), Some(parameters.iterations.count()))
            }
            Algorithm::Umts(AlgorithmProfile::Xor { res_length }) => (Some(res_length.octets()), None),
            _ => (None, None),
        };
        let own = matches!(&algorithm, Algorithm::Umts(AlgorithmProfile::Milenage { constants }) if !constants.are_standard());
        let (record, allowed) = (&subscriber.sqn, &subscriber.subscription);
        Self {
            supi: subscriber.supi.sbi(),
            k_fingerprint: k_fingerprint(secrets).to_string(),
            operator_code: code.map(str::to_owned),
            operator_code_fingerprint: fingerprint.map(|fingerprint| fingerprint.to_string()),
            gsm_only: matches!(algorithm, Algorithm::Gsm(_)),
            own_constants: own,
            algorithm: algorithm.name().to_owned(),
            res_octets,
            tuak_iterations: iterations,
            amf: hex_field::text(subscriber.amf.octets()).to_string(),
            sqn_scheme: record.scheme().name().to_owned(),
            highest_sqn: hex_field::text(&highest_sqn(record).octets()).to_string(),
            sqn_at_its_end: record.reserved() >= record.layout().max_seq(),
            sqn_reused: record.back().reuses,
            sqn_reuse_allowed: record.back().granted,
            methods: subscriber
                .methods
                .iter()
                .map(|method| name_of(method).to_owned())
                .collect(),
            gpsi: allowed.gpsi.as_ref().map(|gpsi| gpsi_text(gpsi, reveal_gpsi)),
            routing_indicator: allowed.routing_indicator.map(|indicator| indicator.to_string()),
            akma: allowed.akma_allowed,
            best: best_text(allowed.best).to_owned(),
            eps_profile: allowed.eps.as_ref().map(EpsProfile::as_str).map(str::to_owned),
            suspended: allowed.suspended,
        }
    }

    /// The algorithm with what the operator chose in it, for people.
    pub(crate) fn algorithm_text(&self) -> String {
        let name = &self.algorithm;
        match (self.res_octets, self.tuak_iterations) {
            (Some(res), Some(iterations)) => format!("{name}, RES of {res} octets, iterations: {iterations}"),
            (Some(res), None) => format!("{name}, RES of {res} octets, for tests only"),
            _ if self.gsm_only => format!("{name}, GSM only"),
            _ if self.own_constants => format!("{name}, own constants"),
            _ => name.clone(),
        }
    }

    /// The operator code and its fingerprint, for people.
    pub(crate) fn operator_text(&self) -> Option<(&str, &str)> {
        Some((
            self.operator_code.as_deref()?,
            self.operator_code_fingerprint.as_deref()?,
        ))
    }

    /// The methods as one text.
    pub(crate) fn methods_text(&self, between: &str) -> String {
        match self.methods.as_slice() {
            [] => "none".to_owned(),
            methods => methods.join(between),
        }
    }
}

/// A GPSI, masked unless it is asked for.
fn gpsi_text(gpsi: &Gpsi, reveal: bool) -> String {
    if reveal {
        gpsi.as_str().to_owned()
    } else {
        gpsi.masked()
    }
}

/// Which operator code a subscriber was given, and its fingerprint; some sets have none.
fn operator(secrets: &SubscriberSecrets) -> Option<(&'static str, Fingerprint)> {
    Some(match secrets {
        SubscriberSecrets::Milenage { operator, .. } => match operator {
            OpOrOpc::Op(op) => ("OP", Fingerprint::of(op)),
            OpOrOpc::Opc(opc) => ("OPc", Fingerprint::of(opc)),
        },
        SubscriberSecrets::Tuak { operator, .. } => match operator {
            TopOrTopc::Top(top) => ("TOP", Fingerprint::of(top)),
            TopOrTopc::Topc(topc) => ("TOPc", Fingerprint::of(topc)),
        },
        SubscriberSecrets::Xor { .. } | SubscriberSecrets::Gsm(_) => return None,
    })
}

fn k_fingerprint(secrets: &SubscriberSecrets) -> Fingerprint {
    match secrets {
        SubscriberSecrets::Milenage { k, .. }
        | SubscriberSecrets::Tuak {
            k: TuakKey::K128(k), ..
        } => Fingerprint::of(k),
        SubscriberSecrets::Xor { k, .. } => Fingerprint::of(k),
        SubscriberSecrets::Gsm(GsmKeys { k, .. }) => Fingerprint::of(k),
        SubscriberSecrets::Tuak {
            k: TuakKey::K256(k), ..
        } => Fingerprint::of(k),
    }
}

/// The highest SQN that may have been issued.
pub(crate) fn highest_sqn(record: &SqnRecord) -> Sqn {
    let layout = record.layout();
    let ind = u8::try_from(layout.array_size() - 1).map_or(Ind(0), Ind);
    layout.join(record.reserved(), ind).unwrap_or(Sqn::MAX)
}
