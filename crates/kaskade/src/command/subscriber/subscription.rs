//! What a subscription allows: its options, and how it is shown.

use anyhow::{Context, Result, anyhow};
use kaskade::subscription::{
    Who, best, best_text, eps_profile, methods, methods_of_card, methods_text, name_of, yes_or_no_text,
};
use kaskade_keys::{Gpsi, RoutingIndicator, Supi};
use kaskade_store::{
    AuthMethods, BestSubscription, EpsProfile, StoreError, Subscriber, SubscriberSecrets, SubscriberStore, Subscription,
};
use serde_json::{Value, json};

use super::unknown;

/// The options of a subscription.
#[derive(clap::Args, Debug)]
pub(super) struct SubscriptionArgs {
    /// The methods that it may authenticate with, the preferred one first: 5g-aka, eap-aka-prime, eps-aka, eap-aka, umts-aka,
    /// gsm-aka, with commas between them; none for no method at all. If left out 5g-aka, and none for a GSM-only card
    #[arg(long, value_name = "METHODS", value_parser = methods, help_heading = "Subscription")]
    methods: Option<AuthMethods>,
    /// GPSI, how those outside call it: msisdn-491701234567 or extid-meter17@things.example; no two subscribers have the same
    #[arg(long, help_heading = "Subscription")]
    gpsi: Option<Gpsi>,
    /// Routing indicator of its card, 1 to 4 digits
    #[arg(long, value_name = "DIGITS", help_heading = "Subscription")]
    routing_indicator: Option<RoutingIndicator>,
    /// Keys for applications (AKMA) are made of its authentications
    #[arg(long, help_heading = "Subscription")]
    akma: bool,
    /// Keys for battery-powered things (BEST) are made of its authentications; `separated-umts` if its ME expects CK' and IK' in
    /// place of CK and IK of an SGSN
    #[arg(long, value_name = "separated-umts", num_args = 0..=1, default_missing_value = "yes", value_parser = best_option,
          help_heading = "Subscription")]
    best: Option<BestSubscription>,
    /// Name of the subscription data that an MME gets
    #[arg(long, value_name = "NAME", value_parser = eps_profile, help_heading = "Subscription")]
    eps_profile: Option<EpsProfile>,
}

fn best_option(text: &str) -> Result<BestSubscription> {
    best(text)?.ok_or_else(|| anyhow!("leave --best out: without it no such keys are made"))
}

impl SubscriptionArgs {
    /// The methods that fit this card.
    pub(super) fn methods(&self, secrets: &SubscriberSecrets) -> Result<AuthMethods> {
        methods_of_card(self.methods, &secrets.algorithm()).context("--methods")
    }

    /// The services.
    pub(super) fn subscription(&self) -> Subscription {
        Subscription {
            gpsi: self.gpsi.clone(),
            routing_indicator: self.routing_indicator,
            akma_allowed: self.akma,
            best: self.best,
            eps: self.eps_profile.clone(),
        }
    }
}

/// Why a subscriber could not be put, with what the operator has to know of the other one.
pub(super) fn not_put(supi: &Supi, error: StoreError) -> anyhow::Error {
    match error {
        StoreError::AlreadyExists => anyhow!("{} exists already: --replace replaces it", supi.sbi()),
        StoreError::GpsiTaken { gpsi, owner, .. } => anyhow!(
            "--gpsi: {} belongs to {} (`kaskade subscriber show` with this GPSI shows which that is), and no two subscribers have \
             the same",
            gpsi.as_str(),
            owner.masked()
        ),
        error => error.into(),
    }
}

/// The SUPI of whoever is named.
pub(super) fn supi_of(store: &SubscriberStore, who: &Who) -> Result<Supi> {
    match who {
        Who::Supi(supi) => Ok(supi.clone()),
        Who::Gpsi(gpsi) => store.supi_of(gpsi)?.ok_or_else(|| unknown(who)),
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

/// The last columns of the list: methods, GPSI.
pub(super) fn columns(subscriber: &Subscriber, reveal: bool) -> [String; 2] {
    let gpsi = subscriber.subscription.gpsi.as_ref();
    [
        methods_text(subscriber.methods, ","),
        gpsi.map_or_else(|| "-".into(), |gpsi| gpsi_text(gpsi, reveal)),
    ]
}

/// More columns: routing indicator, AKMA, BEST, EPS profile.
pub(super) fn wide_columns(subscriber: &Subscriber) -> [String; 4] {
    let subscription = &subscriber.subscription;
    let indicator = subscription.routing_indicator;
    [
        indicator.map_or_else(|| "-".into(), |indicator| indicator.to_string()),
        yes_or_no_text(subscription.akma_allowed).into(),
        best_text(subscription.best).into(),
        subscription.eps.as_ref().map_or("-", EpsProfile::as_str).into(),
    ]
}

/// Names and values of what it allows.
pub(super) fn facts(subscriber: &Subscriber, reveal: bool) -> Vec<(&'static str, String)> {
    let Subscription {
        gpsi,
        routing_indicator,
        akma_allowed,
        best,
        eps,
    } = &subscriber.subscription;
    let mut facts = vec![("Methods", methods_text(subscriber.methods, ", "))];
    facts.extend(gpsi.iter().map(|gpsi| ("GPSI", gpsi_text(gpsi, reveal))));
    facts.extend(
        routing_indicator
            .iter()
            .map(|indicator| ("Routing", indicator.to_string())),
    );
    facts.extend([
        ("AKMA", yes_or_no_text(*akma_allowed).into()),
        ("BEST", best_text(*best).into()),
    ]);
    facts.extend(eps.iter().map(|profile| ("EPS profile", profile.as_str().into())));
    facts
}

/// The same as JSON, each field there.
pub(super) fn document(subscriber: &Subscriber, reveal: bool) -> Value {
    let subscription = &subscriber.subscription;
    json!({
        "methods": subscriber.methods.iter().map(name_of).collect::<Vec<_>>(),
        "gpsi": subscription.gpsi.as_ref().map(|gpsi| gpsi_text(gpsi, reveal)),
        "routing_indicator": subscription.routing_indicator.map(|indicator| indicator.to_string()),
        "akma": subscription.akma_allowed,
        "best": best_text(subscription.best),
        "eps_profile": subscription.eps.as_ref().map(EpsProfile::as_str),
    })
}

/// The same as fields of a file, in the order of [`FIELDS`]; an empty one says nothing.
pub(super) fn fields(subscriber: &Subscriber) -> [String; FIELDS.len()] {
    let subscription = &subscriber.subscription;
    let indicator = subscription.routing_indicator;
    [
        methods_text(subscriber.methods, " "),
        subscription.gpsi.as_ref().map_or("", Gpsi::as_str).into(),
        indicator.map_or_else(String::new, |indicator| indicator.to_string()),
        yes_or_no_text(subscription.akma_allowed).into(),
        best_text(subscription.best).into(),
        subscription.eps.as_ref().map_or("", EpsProfile::as_str).into(),
    ]
}

/// Their names.
pub(super) const FIELDS: [&str; 6] = ["methods", "gpsi", "routing_indicator", "akma", "best", "eps_profile"];
