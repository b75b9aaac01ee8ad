//! An API's policies, read and held to their schema, and made ready for each operation that they may apply to.

use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Authorizer, Effect, EntityUid, Policy, PolicyId, PolicySet, ValidationMode, Validator,
};

use super::principal::uid;
use super::{OperationPolicies, Ready, Settings, Told, schema, size, words};
use crate::model::{Api, Operation, Policies};
use crate::snapshot::LiveApi;

/// The longest text.
const TEXT_MAX_BYTES: usize = 256 << 10;
/// So many policies at most.
const POLICIES_MAX: usize = 500;
/// Each policy is looked at with each operation that it may apply to: so many pairs at most, so that a check ends soon.
const PAIRS_MAX: usize = 20_000;
const ID_CHARACTERS_MAX: usize = 63;
const MESSAGE_CHARACTERS_MAX: usize = 500;
/// What the implied `permit` is called; no number that Cedar gives is.
const PERMIT: &str = "operation-permission";

/// Something that is wrong with policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The field below the API, such as `policies.text`.
    pub field: String,
    /// What is wrong, with line and column of the text.
    pub message: String,
    /// How to mend it.
    pub mend: String,
}

/// What was found out about policies that can be used.
#[derive(Debug, Default)]
pub struct Checked {
    /// For each operation of the API, in its order: the policies that may apply to it.
    pub operations: Vec<Option<Arc<OperationPolicies>>>,
    /// Policies that forbid nothing, whoever calls: guards that guard no more.
    pub idle: Vec<PolicyProblem>,
    /// What else can hardly be meant.
    pub warnings: Vec<PolicyProblem>,
}

/// Reads an API's policies and makes them ready.
///
/// # Errors
/// Everything that is wrong with them.
pub fn check(api: &Api) -> Result<Checked, Vec<PolicyProblem>> {
    let Some(policies) = &api.policies else {
        return Ok(Checked { operations: vec![None; api.operations.len()], ..Checked::default() });
    };
    let read = read(&policies.text)?;
    let mut problems: Vec<PolicyProblem> = read.iter().flat_map(|one| one.problems(api, &policies.text)).collect();
    problems.extend(repeated(&read, &policies.text));
    let pairs: usize = read.iter().map(|one| api.operations.iter().filter(|at| one.may_apply(at)).count()).sum();
    if pairs > PAIRS_MAX {
        problems.push(text_problem(
            format!("{pairs} pairs of a policy and an operation are more than {PAIRS_MAX}"),
            "narrow policies by action",
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (idle, warnings) = validate(api, policies, &read)?;
    let operations = ready(api, policies, &read).map_err(|words| vec![text_problem(words, "say it another way")])?;
    Ok(Checked { operations, idle, warnings })
}

/// The policies of each operation, made ready; those of `before`, where all that they are made from is the same.
pub(crate) fn live(api: &Api, before: Option<&LiveApi>) -> Vec<Option<Arc<OperationPolicies>>> {
    if api.policies.is_none() {
        return vec![None; api.operations.len()];
    }
    if let Some(before) = before.filter(|before| is_guarded_alike(&before.api, api)) {
        return before.operations.iter().map(|operation| operation.policies.clone()).collect();
    }
    match check(api) {
        Ok(checked) => checked.operations,
        // Whatever is declared was checked before; should that fail now, nothing passes unasked.
        Err(problems) => {
            let words = problems.into_iter().next().map(|problem| problem.message).unwrap_or_default();
            vec![Some(Arc::new(broken(api, words))); api.operations.len()]
        }
    }
}

fn is_guarded_alike(before: &Api, now: &Api) -> bool {
    before.policies == now.policies
        && before.record_denied == now.record_denied
        && before.access == now.access
        && before.operations == now.operations
        && (Arc::ptr_eq(&before.schemas, &now.schemas) || before.schemas == now.schemas)
}

/// One policy of the text.
struct Read {
    policy: Policy,
    /// Where it begins, in bytes.
    at: usize,
    /// Its `@id`, else the line that it begins on.
    id: Arc<str>,
    message: Option<Arc<str>>,
}

fn text_problem(message: impl Into<String>, mend: impl Into<String>) -> PolicyProblem {
    PolicyProblem { field: "policies.text".into(), message: message.into(), mend: mend.into() }
}

/// Every entity that a text of policies names, in the order of policies; none where it can't be read.
pub(super) fn entities(text: &str) -> Vec<EntityUid> {
    read(text).unwrap_or_default().iter().flat_map(|one| one.policy.entity_literals()).collect()
}

fn read(text: &str) -> Result<Vec<Read>, Vec<PolicyProblem>> {
    if text.len() > TEXT_MAX_BYTES {
        let message = format!("{} bytes are more than {TEXT_MAX_BYTES}", text.len());
        return Err(vec![text_problem(message, "write fewer policies, or shorter ones")]);
    }
    if let Some((at, words)) = size::too_deep(text) {
        let message = format!("{}: {words}", words::place(text, at));
        return Err(vec![text_problem(message, "write it flatter, or as several policies")]);
    }
    let set: PolicySet = text.parse().map_err(|errors| words::unreadable(text, &errors))?;
    if let Some(template) = set.templates().next() {
        let at = template.as_ref().loc().map(|loc| loc.start()).unwrap_or_default();
        let message = format!("{}: this is a template: it has a slot to be filled", words::place(text, at));
        return Err(vec![text_problem(message, "write principal or resource in the place of the slot")]);
    }
    let mut read: Vec<Read> = set.policies().map(|policy| Read::new(policy, text)).collect();
    read.sort_by_key(|one| one.at);
    match read.len() {
        0 => Err(vec![text_problem("holds no policy", "write one, or leave 'policies' out")]),
        count if count > POLICIES_MAX => {
            Err(vec![text_problem(format!("{count} policies are more than {POLICIES_MAX}"), "join some of them")])
        }
        _ => Ok(read),
    }
}

impl Read {
    fn new(policy: &Policy, text: &str) -> Self {
        let at = policy.as_ref().loc().map(|loc| loc.start()).unwrap_or_default();
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let id = policy.annotation("id").map_or_else(|| format!("line-{line}").into(), Arc::from);
        Self { policy: policy.clone(), at, id, message: policy.annotation("message").map(Arc::from) }
    }

    /// Whether its first line lets it apply to an operation.
    fn may_apply(&self, operation: &Operation) -> bool {
        let is_it = |uid: &EntityUid| uid.id().unescaped() == &*operation.name;
        match self.policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::In(actions) => actions.iter().any(is_it),
            ActionConstraint::Eq(action) => is_it(&action),
        }
    }

    /// What is wrong with it whatever its condition says.
    fn problems(&self, api: &Api, text: &str) -> Vec<PolicyProblem> {
        let place = words::place(text, self.at);
        let mut problems = Vec::new();
        let mut complain = |message: &str, mend: String| {
            problems.push(text_problem(format!("{place}: {message}"), mend));
        };
        if self.policy.effect() == Effect::Permit {
            let mend = "write forbid (…) unless { … }: what isn't forbidden is allowed to whoever has the operation's permission";
            complain("a permit has no effect: the operation's permission is what permits", mend.into());
        }
        let plain = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
        if self.id.is_empty() || self.id.chars().count() > ID_CHARACTERS_MAX || !self.id.chars().all(plain) {
            let mend = format!("use 1 to {ID_CHARACTERS_MAX} letters, digits, '-', '_' and '.'");
            complain("its @id is not a name", mend);
        }
        if let Some(message) = &self.message {
            if message.trim().is_empty() || message.chars().any(char::is_control) {
                complain("its @message is no sentence in one line", "write what callers are to read".into());
            } else if message.chars().count() > MESSAGE_CHARACTERS_MAX {
                complain(
                    &format!("its @message is longer than {MESSAGE_CHARACTERS_MAX} characters"),
                    "shorten it".into(),
                );
            }
        }
        let unguarded = |one: &&Operation| self.may_apply(one) && !one.access.unwrap_or(api.access).needs_token();
        if let Some(open) = api.operations.iter().find(unguarded) {
            let mend =
                "narrow the policy by action, like action == Action::\"NAME\", or let the operation ask for a token";
            complain(
                &format!(
                    "it may apply to operation '{}', which asks for no token: there is nobody to ask about",
                    open.name
                ),
                mend.into(),
            );
        }
        problems
    }
}

/// Ids that stand twice.
fn repeated(read: &[Read], text: &str) -> Vec<PolicyProblem> {
    let earlier = |at: usize| read.iter().take(at).any(|one| read.get(at).is_some_and(|this| this.id == one.id));
    let twice = read.iter().enumerate().filter(|(at, _)| earlier(*at));
    twice
        .map(|(_, one)| {
            let message = format!("{}: a second policy is called '{}'", words::place(text, one.at), one.id);
            text_problem(message, "give each policy an @id of its own")
        })
        .collect()
}

/// Policies that forbid nothing, and what else can hardly be meant.
type Doubts = (Vec<PolicyProblem>, Vec<PolicyProblem>);

/// Holds the policies to the schema; what can hardly be meant is given back.
fn validate(api: &Api, policies: &Policies, read: &[Read]) -> Result<Doubts, Vec<PolicyProblem>> {
    let text = &policies.text;
    let unmade =
        |words: String| vec![text_problem(words, "look at the names of operations, parameters and attributes")];
    let schema = schema::schema(api, policies).map_err(unmade)?;
    let set = PolicySet::from_policies(read.iter().map(|one| one.policy.clone()));
    let set = set.map_err(|error| unmade(error.to_string()))?;
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let mut errors: Vec<PolicyProblem> = result.validation_errors().map(|error| words::invalid(text, error)).collect();
    if errors.is_empty() {
        let (mut idle, mut warnings) = (Vec::new(), Vec::new());
        for one in result.validation_warnings() {
            let list = if words::is_idle(one) { &mut idle } else { &mut warnings };
            list.push(words::doubtful(text, one));
        }
        for list in [&mut idle, &mut warnings] {
            list.sort_by(|one, other| one.message.cmp(&other.message));
            list.dedup();
        }
        return Ok((idle, warnings));
    }
    errors.sort_by(|one, other| one.message.cmp(&other.message));
    errors.dedup();
    Err(errors)
}

/// The policies of each operation.
fn ready(api: &Api, policies: &Policies, read: &[Read]) -> Result<Vec<Option<Arc<OperationPolicies>>>, String> {
    let settings = Arc::new(settings(api)?);
    let made = api.operations.iter().map(|operation| {
        let of_it: Vec<&Read> = read.iter().filter(|one| one.may_apply(operation)).collect();
        if of_it.is_empty() {
            return Ok(None);
        }
        let permit = Policy::parse(Some(PolicyId::new(PERMIT)), "permit (principal, action, resource);");
        let permit = permit.map_err(|error| error.to_string())?;
        let all = of_it.iter().map(|one| one.policy.clone()).chain([permit]);
        let told =
            |one: &&Read| (one.policy.id().clone(), Told { id: Arc::clone(&one.id), message: one.message.clone() });
        let ids: Vec<&str> = of_it.iter().map(|one| &*one.id).collect();
        Ok(Some(Arc::new(OperationPolicies {
            told: of_it.iter().map(told).collect(),
            asked: ids.join(", ").into(),
            parameters: schema::parameters(api, policies, operation),
            hides: api.record_denied == 404,
            ready: Ok(Ready {
                settings: Arc::clone(&settings),
                action: uid("Action", &operation.name)?,
                policies: PolicySet::from_policies(all).map_err(|error| error.to_string())?,
            }),
        })))
    });
    made.collect()
}

fn settings(api: &Api) -> Result<Settings, String> {
    Ok(Settings {
        api: api.name.clone(),
        resource: uid("Api", &api.name)?,
        declared: api.policies.clone().unwrap_or_default(),
        authorizer: Authorizer::new(),
    })
}

/// What refuses every call.
fn broken(api: &Api, words: String) -> OperationPolicies {
    OperationPolicies {
        told: Vec::new(),
        asked: "".into(),
        parameters: Vec::new(),
        hides: api.record_denied == 404,
        ready: Err(words),
    }
}
