//! What a subscription allows: its options, and how it is shown.

use anyhow::{Context, Result, anyhow};
use kaskade::subscription::{best, eps_profile, methods, methods_of_card, yes_or_no_text};
use kaskade_keys::{Gpsi, RoutingIndicator};
use kaskade_store::{AuthMethods, BestSubscription, EpsProfile, SubscriberSecrets};

use crate::admin::subscriber::{NewSubscriber, SubscriberView};
use crate::admin::text::{Best, Text};

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

    /// GPSI, if one is given.
    pub(super) fn gpsi(&self) -> Option<&Gpsi> {
        self.gpsi.as_ref()
    }

    /// A new subscriber with these services.
    pub(super) fn applied(&self, new: NewSubscriber) -> NewSubscriber {
        NewSubscriber {
            gpsi: self.gpsi.clone().map(Text),
            routing_indicator: self.routing_indicator.map(Text),
            akma: self.akma.then_some(true),
            best: self.best.map(|best| Text(Best(Some(best)))),
            eps_profile: self.eps_profile.clone().map(Text),
            ..new
        }
    }
}

/// The last columns of the list: methods, GPSI.
pub(super) fn columns(subscriber: &SubscriberView) -> [String; 2] {
    [
        subscriber.methods_text(","),
        subscriber.gpsi.clone().unwrap_or_else(|| "-".into()),
    ]
}

/// More columns: routing indicator, AKMA, BEST, EPS profile, suspended.
pub(super) fn wide_columns(subscriber: &SubscriberView) -> [String; 5] {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    [
        or_none(&subscriber.routing_indicator),
        yes_or_no_text(subscriber.akma).into(),
        subscriber.best.clone(),
        or_none(&subscriber.eps_profile),
        yes_or_no_text(subscriber.suspended).into(),
    ]
}

/// Names and values of what it allows.
pub(super) fn facts(subscriber: &SubscriberView) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Methods", subscriber.methods_text(", "))];
    facts.extend(subscriber.gpsi.iter().map(|gpsi| ("GPSI", gpsi.clone())));
    facts.extend(
        subscriber
            .routing_indicator
            .iter()
            .map(|indicator| ("Routing", indicator.clone())),
    );
    facts.extend([
        ("AKMA", yes_or_no_text(subscriber.akma).into()),
        ("BEST", subscriber.best.clone()),
    ]);
    facts.extend(
        subscriber
            .eps_profile
            .iter()
            .map(|profile| ("EPS profile", profile.clone())),
    );
    if subscriber.suspended {
        facts.push((
            "Suspended",
            "yes: it gets no vector until `kaskade subscriber resume`".into(),
        ));
    }
    facts
}

/// The same as fields of a file, in the order of [`FIELDS`]; an empty one says nothing.
pub(super) fn fields(subscriber: &SubscriberView) -> [String; FIELDS.len()] {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        subscriber.methods_text(" "),
        or_empty(&subscriber.gpsi),
        or_empty(&subscriber.routing_indicator),
        yes_or_no_text(subscriber.akma).into(),
        subscriber.best.clone(),
        or_empty(&subscriber.eps_profile),
        yes_or_no_text(subscriber.suspended).into(),
    ]
}

/// Their names.
pub(super) const FIELDS: [&str; 7] = [
    "methods",
    "gpsi",
    "routing_indicator",
    "akma",
    "best",
    "eps_profile",
    "suspended",
];
