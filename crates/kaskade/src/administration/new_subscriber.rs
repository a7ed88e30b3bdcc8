//! A new subscriber, as it is sent.

use kaskade_aka::arpf::Method;
use kaskade_aka::sqn::SqnScheme;
use kaskade_crypto::{Amf, Sqn};
use kaskade_flow::Refusal;
use kaskade_keys::{Gpsi, RoutingIndicator, Supi};
use kaskade_store::{AuthMethods, EpsProfile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NotDone;
use super::text::{Best, Digits, Text, Wire};
use crate::card::AlgorithmName;
use crate::import::{Entry, Fields};
use crate::subscription::{methods_text, yes_or_no_text};

/// A new subscriber. What is left out is as for one that `kaskade subscriber add` makes without that option.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscriber {
    /// SUPI.
    pub supi: Text<Supi>,
    /// MILENAGE if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Text<AlgorithmName>>,
    /// K: 16 octets; 16 or 32 with TUAK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<Digits>,
    /// OPc: 16 octets. With MILENAGE this or `op`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opc: Option<Digits>,
    /// OP: 16 octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<Digits>,
    /// TOPc: 32 octets. With TUAK this or `top`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topc: Option<Digits>,
    /// TOP: 32 octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<Digits>,
    /// In place of algorithm, K and operator code: as `kaskade subscriber export --with-secrets` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Digits>,
    /// Octets of RES: TUAK 4, 8 or 16, XOR 4 to 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub res_octets: Option<u8>,
    /// How often TUAK applies its permutation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuak_iterations: Option<u8>,
    /// AMF, 8000 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amf: Option<Text<Amf>>,
    /// How its SQN is made, as configured if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqn_scheme: Option<Text<SqnScheme>>,
    /// The highest SQN that the card may have seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqn: Option<Text<Sqn>>,
    /// Its methods, the preferred one first: 5g-aka if left out, none for a GSM-only card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<Text<Method>>>,
    /// GPSI; no two subscribers have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpsi: Option<Text<Gpsi>>,
    /// Routing indicator of its card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_indicator: Option<Text<RoutingIndicator>>,
    /// Whether keys for applications are made of its authentications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub akma: Option<bool>,
    /// Whether and how keys for battery-powered things are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Text<Best>>,
    /// The name of the subscription data that an MME gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eps_profile: Option<Text<EpsProfile>>,
    /// Whether it is suspended from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
}

/// A list of methods, each once.
pub(super) fn methods_of(list: &[Text<Method>]) -> Result<AuthMethods, NotDone> {
    let mut methods = AuthMethods::NONE;
    for (at, Text(method)) in list.iter().enumerate() {
        if methods.contains(*method) {
            let detail = "is there twice: each stands where it is preferred";
            return Err(NotDone::of(Refusal::IeIncorrect, format!("/methods/{at}"), detail));
        }
        methods = methods.and(*method);
    }
    Ok(methods)
}

impl NewSubscriber {
    /// As a line of a file would say it, so that all ways in have the same rules.
    pub fn entry(&self, line: usize) -> Result<Entry, NotDone> {
        fn text<T: Wire>(value: &Option<Text<T>>) -> Option<String> {
            value.as_ref().map(|Text(value)| value.text())
        }
        let yes = |value: Option<bool>| value.map(yes_or_no_text);
        let methods = self.methods.as_deref().map(methods_of).transpose()?;
        let number = |number: Option<u8>| number.map(|number| number.to_string());
        let (supi, methods) = (self.supi.0.text(), methods.map(|list| methods_text(list, " ")));
        let (algorithm, amf, scheme) = (text(&self.algorithm), text(&self.amf), text(&self.sqn_scheme));
        let (sqn, gpsi, routing) = (text(&self.sqn), text(&self.gpsi), text(&self.routing_indicator));
        let (best, eps) = (text(&self.best), text(&self.eps_profile));
        let (res, iterations) = (number(self.res_octets), number(self.tuak_iterations));
        let fields = Fields {
            supi: Some(&supi),
            imsi: None,
            k: self.k.as_ref().map(Digits::expose),
            op: self.op.as_ref().map(Digits::expose),
            opc: self.opc.as_ref().map(Digits::expose),
            top: self.top.as_ref().map(Digits::expose),
            topc: self.topc.as_ref().map(Digits::expose),
            sealed: self.sealed.as_ref().map(Digits::expose),
            algorithm: algorithm.as_deref(),
            res_octets: res.as_deref(),
            tuak_iterations: iterations.as_deref(),
            amf: amf.as_deref(),
            sqn_scheme: scheme.as_deref(),
            sqn: sqn.as_deref(),
            methods: methods.as_deref(),
            gpsi: gpsi.as_deref(),
            routing_indicator: routing.as_deref(),
            akma: yes(self.akma),
            best: best.as_deref(),
            eps_profile: eps.as_deref(),
            suspended: yes(self.suspended),
        };
        fields.entry(line).map_err(refused)
    }
}

/// What is wrong with an entry; its text begins with the field where one alone is wrong.
pub fn refused(reason: String) -> NotDone {
    let field = reason.split([':', ' ']).next().unwrap_or_default();
    let names = [
        "k",
        "op",
        "opc",
        "top",
        "topc",
        "sealed",
        "algorithm",
        "res_octets",
        "tuak_iterations",
        "amf",
        "sqn",
        "methods",
        "gpsi",
    ];
    match names.contains(&field) {
        true if reason.contains("is missing") => NotDone::of(Refusal::IeMissing, format!("/{field}"), reason),
        true => NotDone::of(Refusal::IeIncorrect, format!("/{field}"), reason),
        false => NotDone::because(Refusal::IeIncorrect, reason),
    }
}
