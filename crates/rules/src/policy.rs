//! Record-level permission: Cedar policies over who calls, which operation and with which parameters.
//!
//! The operation's permission is the implied `permit`; every policy is a `forbid`, and one that can't be evaluated
//! forbids too (`docs/decisions/0049-record-level-permission-by-cedar.md`). Nothing else knows Cedar.

mod compile;
mod context;
mod kind;
mod named;
mod principal;
mod schema;
mod size;
pub mod trial;
mod words;

use std::sync::Arc;

use cedar_policy::{AuthorizationError, Authorizer, Decision, EntityUid, PolicyId, PolicySet, Request, Response};

use crate::contract::{Cause, Refusal};
use crate::description;
use crate::explain::{Finding, Text};
use crate::model::{Attributes, Name, Policies, ValueKind};
use crate::parameter::Given;
use crate::permission::Permitted;
use crate::routing::Routed;
use crate::snapshot::{Catalog, LiveApi};
use crate::token::{Bearer, ForeignWord, Identity};

pub(crate) use compile::live;
pub use compile::{Checked, PolicyProblem, check};
pub use context::Claims;
pub use kind::{fits, kind_words};
pub use named::{Named, NamedKind, named};
pub use principal::Principal;

/// The policies that may apply to one operation, made ready.
#[derive(Debug)]
pub struct OperationPolicies {
    /// What is told of each, in the order of the text.
    told: Vec<(PolicyId, Told)>,
    /// Their ids, as `limen explain` shows them.
    asked: Arc<str>,
    /// The parameters that they may read.
    parameters: Vec<ReadParameter>,
    /// Whether a refusal must look as if there were no record.
    hides: bool,
    /// Or why they could not be made ready; then no call of the operation is let through.
    ready: Result<Ready, String>,
}

/// What Cedar is asked with.
#[derive(Debug)]
struct Ready {
    settings: Arc<Settings>,
    action: EntityUid,
    /// The implied `permit` and the policies that may apply.
    policies: PolicySet,
}

/// What the policies of one API share.
#[derive(Debug)]
struct Settings {
    api: Name,
    resource: EntityUid,
    declared: Policies,
    authorizer: Authorizer,
}

/// What is told of a policy: never its text.
#[derive(Clone, Debug)]
struct Told {
    id: Arc<str>,
    /// For callers: its `@message`.
    message: Option<Arc<str>>,
}

/// A parameter that policies may read as `context.NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ReadParameter {
    name: String,
    kind: ValueKind,
    /// Whether it is always there: a segment of the path.
    is_required: bool,
}

/// Who asks, as policies read them.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user; none where an application acts for itself.
    pub user: Option<&'a str>,
    /// The environment.
    pub environment: &'a str,
    /// The application that they call through.
    pub application: Option<&'a str>,
    /// Roles and attributes.
    pub principal: &'a Principal,
    /// The token's claims.
    pub claims: Claims<'a>,
}

/// What the policies of an operation said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The policies that forbid it, by id.
    pub refused: Vec<Arc<str>>,
    /// What they tell the caller.
    pub messages: Vec<Arc<str>>,
    /// What could not be evaluated, which forbids too; in words for operators.
    pub erred: Vec<String>,
}

impl Verdict {
    /// Whether nothing forbids it.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.refused.is_empty() && self.erred.is_empty()
    }

    fn error(words: impl Into<String>) -> Self {
        Self { erred: vec![words.into()], ..Self::default() }
    }
}

/// A value of each parameter that an operation's policies may read, in [`OperationPolicies::parameter_names`]' order.
pub type Values = Vec<Option<serde_json::Value>>;

impl OperationPolicies {
    /// The parameters that they may read.
    pub fn parameter_names(&self) -> impl Iterator<Item = (&str, ValueKind, bool)> {
        self.parameters.iter().map(|one| (one.name.as_str(), one.kind, one.is_required))
    }

    /// The policies' ids, comma separated, in the order of the text.
    #[must_use]
    pub fn ids(&self) -> &Arc<str> {
        &self.asked
    }

    /// Asks the policies. What can't be told or evaluated forbids.
    #[must_use]
    pub fn decide(&self, subject: &Subject<'_>, values: &Values) -> Verdict {
        let ready = match &self.ready {
            Ok(ready) => ready,
            Err(words) => return Verdict::error(format!("the policies can't be asked: {words}")),
        };
        let settings = &ready.settings;
        let context = context::context(&self.parameters, values, &settings.declared.claims, &subject.claims);
        let context = match context {
            Ok(context) => context,
            Err(words) => return Verdict::error(words),
        };
        subject.principal.with(&settings.api, subject, &settings.declared.attributes, |made| {
            let made = match made {
                Ok(made) => made,
                Err(words) => return Verdict::error(words.clone()),
            };
            let (action, resource) = (ready.action.clone(), settings.resource.clone());
            // Without the schema: what is asked is made from the declarations that the schema is made from.
            let request = match Request::new(made.uid.clone(), action, resource, context, None) {
                Ok(request) => request,
                Err(error) => return Verdict::error(format!("the question can't be put: {error}")),
            };
            self.verdict(&settings.authorizer.is_authorized(&request, &ready.policies, &made.entities))
        })
    }

    fn verdict(&self, answer: &Response) -> Verdict {
        let mut errors = answer.diagnostics().errors().peekable();
        let is_denied = answer.decision() == Decision::Deny;
        if !is_denied && errors.peek().is_none() {
            return Verdict::default();
        }
        let mut verdict = Verdict::default();
        let reasons: Vec<&PolicyId> = answer.diagnostics().reason().collect();
        // In the order of the text, whatever Cedar's is.
        for (_, told) in self.told.iter().filter(|(id, _)| is_denied && reasons.contains(&id)) {
            verdict.refused.push(Arc::clone(&told.id));
            verdict.messages.extend(told.message.clone());
        }
        // Cedar leaves out a policy that errs; a forbid that is left out would allow.
        for AuthorizationError::PolicyEvaluationError(error) in errors {
            let told = self.told.iter().find(|(id, _)| id == error.policy_id());
            let id = told.map_or("", |(_, told)| &*told.id);
            verdict.erred.push(format!("policy {id} could not be evaluated, which forbids: {}", error.inner()));
        }
        if verdict.is_allowed() {
            return Verdict::error("no policy forbids it, and Cedar allows it neither");
        }
        verdict
    }

    /// The refusal for what was said; none where nothing forbids it.
    fn refusal(&self, verdict: &Verdict) -> Option<Refusal> {
        if verdict.is_allowed() {
            return None;
        }
        let mut words = match verdict.refused.as_slice() {
            [] => Vec::new(),
            ids => vec![format!("refused by {}", ids.join(", "))],
        };
        words.extend(verdict.erred.iter().cloned());
        let operator_words = words.join("; ");
        if self.hides {
            return Some(not_found().operator_words(operator_words));
        }
        let told = verdict.messages.join(" ");
        let refusal = match verdict.messages.first() {
            Some(first) => Refusal::new(Cause::RecordDenied).message(first.to_string()).detail(told),
            None => Refusal::new(Cause::RecordDenied).message(DENIED).detail(DENIED),
        };
        Some(refusal.operator_words(operator_words))
    }
}

/// What a caller is told where no policy says it better.
const DENIED: &str =
    "You may perform this operation, but not with this record. Ask the environment's administrator if you need it.";

/// The 404 of an API whose refusals must look as if there were no record: the same, word for word, for a record that
/// the service doesn't have.
#[must_use]
pub fn not_found() -> Refusal {
    const WORDS: &str = "There is no such record.";
    Refusal::new(Cause::RecordNotFound).message(WORDS).detail(WORDS)
}

/// Whether an API's policies answer as if there were no record, so that its service's own 404 must not differ.
#[must_use]
pub fn hides(api: &LiveApi) -> bool {
    api.api.record_denied == 404 && api.api.policies.is_some()
}

/// What the policies said of a call that may perform the operation.
#[derive(Debug)]
pub struct Judged<'s> {
    permitted: Permitted<'s>,
    withheld: Option<Refusal>,
}

/// The proof that no policy stands against the call, or that none may apply to the operation.
#[derive(Clone, Debug)]
pub struct Cleared<'s>(Permitted<'s>);

impl<'s> Cleared<'s> {
    /// Who calls, where a token was required.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity<'s>> {
        self.0.identity()
    }
}

impl<'s> Judged<'s> {
    /// The proof, once parameters and body were looked at too: a refusal that must look like a missing record may not
    /// come before what a missing record would be told.
    ///
    /// # Errors
    /// The 404 that was withheld.
    pub fn settle(self) -> Result<Cleared<'s>, Refusal> {
        match self.withheld {
            Some(refusal) => Err(refusal),
            None => Ok(Cleared(self.permitted)),
        }
    }
}

/// Asks the policies that may apply to an operation, and what they found.
///
/// # Errors
/// 400 `parameter-invalid` for a parameter that they read and that isn't in its one form, 403 `record-denied`. Where
/// refusals must look like missing records, the 404 is withheld until [`Judged::settle`]. Fails closed.
pub fn judge<'s>(
    catalog: &Catalog,
    routed: &Routed<'_>,
    given: &Given<'_>,
    permitted: Permitted<'s>,
    mut note: impl FnMut(Finding<'_>),
) -> Result<Judged<'s>, Refusal> {
    let operation = routed.operation();
    let Some(policies) = &operation.policies else { return Ok(Judged { permitted, withheld: None }) };
    let values = policies.values(|name| operation.description.parameters.canonical(name, given));
    let values = values.map_err(description::refusal)?;
    let verdict = match permitted.identity() {
        Some(identity) => {
            let other = as_told(catalog, &identity.bearer);
            policies.decide(&subject(catalog, identity, &other), &values)
        }
        // The check of what is declared says so too.
        None => Verdict::error("the operation has policies and asks for no token"),
    };
    note(Finding::Policies { asked: Text::of(&policies.asked), refused: Text::of(&verdict.refused.join(", ")) });
    match policies.refusal(&verdict) {
        None => Ok(Judged { permitted, withheld: None }),
        Some(refusal) if policies.hides => Ok(Judged { permitted, withheld: Some(refusal) }),
        Some(refusal) => Err(refusal),
    }
}

impl OperationPolicies {
    /// The values of the parameters that they may read; every one that isn't in its form is told.
    fn values<E>(&self, canonical: impl Fn(&str) -> Result<Option<serde_json::Value>, E>) -> Result<Values, Vec<E>> {
        let mut values = Vec::with_capacity(self.parameters.len());
        let mut errors = Vec::new();
        for parameter in &self.parameters {
            match canonical(&parameter.name) {
                Ok(value) => values.push(value),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(values) } else { Err(errors) }
    }
}

/// What is known here of the user, whoever issued the token: in the environment, else everywhere.
fn ours<'a>(catalog: &'a Catalog, bearer: &Bearer) -> Option<&'a Principal> {
    let user = catalog.users.get(bearer.user.as_ref()?)?;
    Some(user.memberships.get(&bearer.environment).map_or(&user.anywhere, |one| &one.principal))
}

/// Somebody whose roles another issuer tells. The attributes of a user whom we know by that name count all the same: what
/// they forbid is forbidden whoever lets them in.
fn as_told(catalog: &Catalog, bearer: &Bearer) -> Principal {
    let Some(roles) = bearer.foreign.as_ref().and_then(|foreign| foreign.roles.clone()) else {
        return Principal::default();
    };
    match ours(catalog, bearer) {
        Some(known) => known.with_roles(roles),
        None => Principal::new(roles, &Attributes::new(), &Attributes::new()),
    }
}

/// Who calls, as policies read them. `other` is what is known of somebody who isn't one of ours.
#[must_use]
pub fn subject<'a>(catalog: &'a Catalog, identity: &'a Identity<'a>, other: &'a Principal) -> Subject<'a> {
    let bearer = &*identity.bearer;
    let (environment, application) = (&*bearer.environment, bearer.application.as_deref());
    let known = match (&bearer.foreign, &bearer.user) {
        // Their roles are the issuer's to say.
        (Some(ForeignWord { roles: Some(_), .. }), _) => None,
        (_, Some(_)) => ours(catalog, bearer),
        (Some(_), None) => None,
        (None, None) => {
            let application = application.and_then(|name| catalog.applications.get(name));
            application.and_then(|one| one.connections.get(environment)).map(|one| &one.own_principal)
        }
    };
    Subject {
        user: bearer.user.as_deref(),
        environment,
        application,
        principal: known.unwrap_or(other),
        claims: Claims::of(identity),
    }
}

#[cfg(test)]
mod tests;
