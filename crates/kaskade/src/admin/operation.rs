//! What can be asked for: a declaration each, from which come the routes, the client, the commands and the document.

use kaskade_flow::Refusal;
use kaskade_flow::event::Action;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use super::places::Work;
use super::text::{self, KeyId, Wire};
use super::{Admin, NotDone, Principal, Role};
use super::{akma, akma_policy, audit, body, context, emsk, hn_key, policy, subscriber};
use kaskade::subscription::Who;
use kaskade_keys::Supi;

/// Something that can be asked for, with one request and one answer.
pub(crate) trait Operation: 'static {
    /// Its name, unique.
    const NAME: &'static str;
    /// What it does, in one sentence.
    const TITLE: &'static str;
    /// HTTP method.
    const METHOD: &'static str;
    /// Its path below [`ROOT`], with at most one variable.
    const PATH: &'static str;
    /// Who may ask.
    const ROLE: Role;
    /// HTTP status of the answer.
    const STATUS: u16 = 200;
    /// Why it may be refused, beside [`ALWAYS`] and what bodies may be refused for.
    const REFUSALS: &'static [Refusal];
    /// What the audit log calls it.
    const ACTION: Action;
    /// How long it may take.
    const WORK: Work = Work::Short;
    /// The variable of the path.
    type Of: Variable;
    /// The parameters of the query.
    type Query: Serialize + DeserializeOwned + JsonSchema;
    /// The body.
    type Body: Serialize + DeserializeOwned + JsonSchema;
    /// Whether there is a body: what takes none says so by [`Nothing`].
    const HAS_BODY: bool = size_of::<Self::Body>() != 0;
    /// The answer.
    type Answer: Serialize + DeserializeOwned + JsonSchema;

    /// Does it. Blocks where the store does.
    fn run(
        admin: &Admin,
        by: &Principal,
        of: Self::Of,
        query: Self::Query,
        body: Self::Body,
    ) -> Result<Self::Answer, NotDone>;
}

/// Below which path everything is.
pub(crate) const ROOT: &str = "/admin/v1";

/// Why anything may be refused.
pub(crate) const ALWAYS: &[Refusal] = &[
    Refusal::PeerNotAuthorized,
    Refusal::OptionalIeIncorrect,
    Refusal::NotAcceptable,
    Refusal::Overloaded,
    Refusal::StoreAway,
    Refusal::StoreFailed,
    Refusal::Stopping,
    Refusal::Internal,
];

/// Why anything with a variable in its path may be refused, too.
pub(crate) const WITH_VARIABLE: &[Refusal] = &[Refusal::IeIncorrect];

/// Why anything with a body may be refused, too.
pub(crate) const WITH_BODY: &[Refusal] = &[
    Refusal::Malformed,
    Refusal::Unreadable,
    Refusal::IeMissing,
    Refusal::IeIncorrect,
    Refusal::MediaTypeUnsupported,
    Refusal::TooLarge,
    Refusal::TooSlow,
];

/// Why a change may be refused, too.
pub(crate) const WITH_CHANGE: &[Refusal] = &[
    Refusal::AuditFull,
    Refusal::AuditStalled,
    Refusal::AuditFailed,
    Refusal::StoreFull,
    Refusal::NoRandomness,
];

/// The variable of a path.
pub(crate) trait Variable: Sized {
    /// Its schema; `None` where the path has none.
    const SCHEMA: Option<(&'static str, &'static str)>;

    /// Reads it.
    fn read(segment: &str) -> Result<Self, String>;

    /// As it stands in the path.
    fn text(&self) -> String;
}

impl Variable for () {
    const SCHEMA: Option<(&'static str, &'static str)> = None;

    fn read(_: &str) -> Result<Self, String> {
        Ok(())
    }

    fn text(&self) -> String {
        String::new()
    }
}

macro_rules! variables {
    ($($T:ty),+) => {$(
        impl Variable for $T {
            const SCHEMA: Option<(&'static str, &'static str)> = Some((<$T as Wire>::ABOUT, <$T as Wire>::PATTERN));

            fn read(segment: &str) -> Result<Self, String> {
                text::parse(segment)
            }

            fn text(&self) -> String {
                Wire::text(self)
            }
        }
    )+};
}

variables!(Who, Supi, KeyId);

/// No parameters, or no body.
#[derive(Clone, Copy, Debug, Default, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A request for an operation, as far as HTTP is concerned.
pub(crate) struct Given<'g> {
    pub(crate) variable: &'g str,
    pub(crate) query: &'g str,
    /// `None` where there is no body.
    pub(crate) body: Option<&'g [u8]>,
}

/// An operation as data.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) role: Role,
    pub(crate) status: u16,
    pub(crate) refusals: &'static [Refusal],
    pub(crate) action: Action,
    pub(crate) variable: Option<(&'static str, &'static str)>,
    pub(crate) kind: Kind,
}

/// Does what is asked for; the octets of its answer, if that has a body.
pub(crate) type Serve = fn(&Admin, &Principal, &Given<'_>) -> Result<Option<Vec<u8>>, NotDone>;

/// How a request and its answer travel.
pub(crate) enum Kind {
    /// One body each.
    Whole {
        serve: Serve,
        work: Work,
        has_body: bool,
        forms: fn(&mut SchemaGenerator) -> Forms,
    },
    /// Subscribers come as lines, and events go back as lines while they come.
    Import,
    /// Subscribers go out as lines.
    Export,
}

/// The schemas of an operation.
pub(crate) struct Forms {
    pub(crate) query: Schema,
    pub(crate) body: Option<Schema>,
    pub(crate) answer: Option<Schema>,
}

impl Row {
    /// Of an operation.
    pub(crate) const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            title: O::TITLE,
            method: O::METHOD,
            path: O::PATH,
            role: O::ROLE,
            status: O::STATUS,
            refusals: O::REFUSALS,
            action: O::ACTION,
            variable: O::Of::SCHEMA,
            kind: Kind::Whole {
                serve: serve::<O>,
                work: O::WORK,
                has_body: O::HAS_BODY,
                forms: forms::<O>,
            },
        }
    }

    /// Whether it changes something.
    pub(crate) fn changes(&self) -> bool {
        self.method != "GET"
    }

    /// All reasons for which it may be refused.
    pub(crate) fn all_refusals(&self) -> impl Iterator<Item = Refusal> {
        let variable = self.variable.map_or(&[][..], |_| WITH_VARIABLE);
        let body = match &self.kind {
            Kind::Whole { has_body: false, .. } | Kind::Export => &[][..],
            _ => WITH_BODY,
        };
        let change = if self.changes() { WITH_CHANGE } else { &[] };
        let parts = [self.refusals, ALWAYS, variable, body, change];
        parts.into_iter().flatten().copied()
    }

    /// The variable of a path, in segments, that is this one's; `""` where it has none.
    pub(crate) fn matches<'p>(&self, path: &'p [String]) -> Option<&'p str> {
        let mut variable = "";
        let own = self.path.split('/');
        if own.clone().count() != path.len() {
            return None;
        }
        for (own, given) in own.zip(path) {
            match own.starts_with('{') {
                true if !given.is_empty() => variable = given,
                false if own == given => {}
                _ => return None,
            }
        }
        Some(variable)
    }
}

fn serve<O: Operation>(admin: &Admin, by: &Principal, given: &Given<'_>) -> Result<Option<Vec<u8>>, NotDone> {
    let of = O::Of::read(given.variable)
        .map_err(|reason| NotDone::of(Refusal::IeIncorrect, format!("{{{}}}", variable_name(O::PATH)), reason))?;
    let query = body::query(given.query)?;
    let body = match given.body {
        Some(octets) => body::read(octets)?,
        None => body::read(b"{}")?,
    };
    let answer = O::run(admin, by, of, query, body)?;
    if O::STATUS == 204 {
        return Ok(None);
    }
    let written = serde_json::to_vec(&answer);
    written
        .map(Some)
        .map_err(|_| NotDone::because(Refusal::Internal, "the answer has no form in JSON"))
}

fn forms<O: Operation>(generator: &mut SchemaGenerator) -> Forms {
    Forms {
        query: generator.root_schema_for::<O::Query>(),
        body: O::HAS_BODY.then(|| generator.subschema_for::<O::Body>()),
        answer: (O::STATUS != 204).then(|| generator.subschema_for::<O::Answer>()),
    }
}

/// The name of the variable of a path.
pub(crate) fn variable_name(path: &'static str) -> &'static str {
    let name = path.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    name.map_or("", |(name, _)| name)
}

/// The path of a request, below [`ROOT`] and with its variable.
pub(crate) fn path_of<O: Operation>(of: &O::Of) -> String {
    let mut path = String::from(ROOT);
    match O::PATH.split_once('{') {
        None => path.push_str(O::PATH),
        Some((before, rest)) => {
            path.push_str(before);
            kaskade_codec::sbi::path::push_segment(&mut path, &of.text());
            path.push_str(rest.split_once('}').map_or("", |(_, after)| after));
        }
    }
    path
}

/// The paths of the two streams.
pub(crate) const IMPORT: &str = "/subscribers/import";
pub(crate) const EXPORT: &str = "/subscribers/export";

/// Everything that can be asked for.
pub(crate) static ALL: &[Row] = &[
    Row::of::<subscriber::List>(),
    Row::of::<subscriber::Add>(),
    Row::of::<subscriber::Show>(),
    Row::of::<subscriber::Change>(),
    Row::of::<subscriber::Remove>(),
    Row::of::<subscriber::AllowReuse>(),
    Row::of::<hn_key::List>(),
    Row::of::<hn_key::Add>(),
    Row::of::<hn_key::Remove>(),
    Row::of::<policy::Show>(),
    Row::of::<policy::Set>(),
    Row::of::<policy::Reset>(),
    Row::of::<context::List>(),
    Row::of::<emsk::ListUsages>(),
    Row::of::<emsk::ListKeys>(),
    Row::of::<emsk::Retire>(),
    Row::of::<akma::ListContexts>(),
    Row::of::<akma::ListKeys>(),
    Row::of::<akma_policy::Show>(),
    Row::of::<akma::Revoke>(),
    Row::of::<akma::Disable>(),
    Row::of::<audit::Verify>(),
    Row::of::<audit::Head>(),
    Row::of::<audit::Show>(),
    Row {
        name: "importSubscribers",
        title: "Takes in subscribers as lines, in batches; each batch wholly or not at all. Events go back while they come.",
        method: "POST",
        path: IMPORT,
        role: Role::Provisioner,
        status: 200,
        refusals: &[Refusal::DataNotFound],
        action: Action::SubscribersImported,
        variable: None,
        kind: Kind::Import,
    },
    Row {
        name: "exportSubscribers",
        title: "Gives out all subscribers as lines, without secrets.",
        method: "GET",
        path: EXPORT,
        role: Role::Provisioner,
        status: 200,
        refusals: WITH_CHANGE,
        action: Action::SubscribersExported,
        variable: None,
        kind: Kind::Export,
    },
];
