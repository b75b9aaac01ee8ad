//! What Cedar finds wrong with policies, in words with a place and a mend.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ParseErrors, ValidationError, ValidationWarning};

use super::PolicyProblem;

const EXAMPLES: &str = "docs/policies.md has examples";

/// Line and column of a byte of a text, both from 1.
pub(super) fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

/// What can't be read as policies, each with its place.
pub(super) fn unreadable(text: &str, errors: &ParseErrors) -> Vec<PolicyProblem> {
    let whole = DetailedError::from(errors);
    let related = whole.related.clone();
    std::iter::once(whole)
        .chain(related)
        .map(|error| {
            let mend = error.help.clone().unwrap_or_else(|| format!("write it as Cedar does; {EXAMPLES}"));
            problem(text, &error, "", mend)
        })
        .collect()
}

/// What a policy says that can't be, by what the API declares.
pub(super) fn invalid(text: &str, error: &ValidationError) -> PolicyProblem {
    use ValidationError as E;
    let told = DetailedError::from(error);
    let mend = match error {
        E::UnrecognizedEntityType(_) => "name User, Role, Api or Action".to_owned(),
        E::UnrecognizedActionId(_) => "name an operation of this API as Action::\"NAME\"".to_owned(),
        E::UnsafeAttributeAccess(_) => format!(
            "of a caller there are name, environment, roles, application and what policies.attributes lists; of a call its path parameters, what policies.query lists and claims. Ask first whether it is there, or narrow the policy by action: context has NAME && context.NAME == …; {EXAMPLES}"
        ),
        E::UnsafeOptionalAttributeAccess(_) => {
            "ask first whether it is there: context has NAME && context.NAME == …".to_owned()
        }
        E::UnexpectedType(_) | E::IncompatibleTypes(_) => {
            "compare values of one kind; a parameter's kind is its schema's, an attribute's is in policies.attributes"
                .to_owned()
        }
        E::EmptySetForbidden(_) => "leave the empty set out, or compare with principal.NAME.isEmpty()".to_owned(),
        _ => told.help.clone().unwrap_or_else(|| EXAMPLES.to_string()),
    };
    problem(text, &told, error.policy_id().as_ref(), mend)
}

/// Whether a policy forbids nothing, whoever calls what.
pub(super) fn is_idle(warning: &ValidationWarning) -> bool {
    matches!(warning, ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_))
}

/// What a policy says that can hardly be meant.
pub(super) fn doubtful(text: &str, warning: &ValidationWarning) -> PolicyProblem {
    use ValidationWarning as W;
    let told = DetailedError::from(warning);
    let mend = match warning {
        W::ImpossiblePolicy(_) => {
            "its condition is never true, so it forbids nothing: look at the names in it, or remove it".to_owned()
        }
        W::InvalidActionApplication(_) => "it applies to no operation: look at its first line".to_owned(),
        _ => told.help.clone().unwrap_or_else(|| "write it in plain letters".to_owned()),
    };
    problem(text, &told, warning.policy_id().as_ref(), mend)
}

/// Cedar's reason with its place, without the number that it gave the policy.
fn problem(text: &str, error: &DetailedError, policy: &str, mend: String) -> PolicyProblem {
    let mut reason = error.message.as_str();
    for lead in [format!("for policy `{policy}`, "), format!("policy `{policy}` ")] {
        reason = reason.strip_prefix(&lead).unwrap_or(reason);
    }
    let place = error.source_locations.first().map(|label| format!("{}: ", place(text, label.loc.start)));
    let label = error.source_locations.first().and_then(|label| label.label.as_deref());
    let label = label.map(|label| format!(" ({label})")).unwrap_or_default();
    PolicyProblem {
        field: "policies.text".to_owned(),
        message: format!("{}{reason}{label}", place.unwrap_or_default()),
        mend,
    }
}
