//! What is known of one call: its parameters and the token's claims, as policies read them.

use std::collections::BTreeMap;

use cedar_policy::{Context, RestrictedExpression};
use serde_json::{Map, Value};

use super::{ReadParameter, Values, kind};
use crate::model::ValueKind;
use crate::token::{APPLICATION_SUBJECT_PREFIX, Identity, OPERATOR_CLIENT_ID};

/// The claims of an access token.
#[derive(Clone, Copy, Debug)]
pub enum Claims<'a> {
    /// Those of one of our own, as far as policies may know them: `sub`, `client_id`, `environment`, `scope`.
    Ours(&'a Identity<'a>),
    /// Those of another issuer's, or of a trial.
    Told(&'a Map<String, Value>),
}

impl<'a> Claims<'a> {
    pub(super) fn of(identity: &'a Identity<'a>) -> Self {
        match &identity.bearer.foreign {
            Some(foreign) => Self::Told(&foreign.claims),
            None => Self::Ours(identity),
        }
    }

    fn expression(&self, name: &str, kind: ValueKind) -> Option<Result<RestrictedExpression, String>> {
        let made = match self {
            Self::Told(claims) => {
                let value = claims.get(name).filter(|value| !value.is_null())?;
                match value.as_str().filter(|_| kind == ValueKind::Strings) {
                    Some(text) => texts(name, text),
                    None => expression(kind, value),
                }
            }
            Self::Ours(identity) => {
                let text = ours(identity, name)?;
                match kind {
                    ValueKind::Strings => texts(name, &text),
                    _ => expression(kind, &Value::String(text)),
                }
            }
        };
        Some(made.ok_or_else(|| format!("the claim {name} is not {}", kind::kind_words(kind))))
    }
}

/// One text where several are meant: a list of one, but for `scope`, whose words stand side by side (RFC 9068 §2.2.3).
fn texts(name: &str, text: &str) -> Option<RestrictedExpression> {
    let texts: Vec<&str> = if name == "scope" { text.split_ascii_whitespace().collect() } else { vec![text] };
    Some(RestrictedExpression::new_set(texts.into_iter().map(|one| RestrictedExpression::new_string(one.to_owned()))))
}

fn ours(identity: &Identity<'_>, name: &str) -> Option<String> {
    let application = identity.bearer.application.as_deref();
    match name {
        "sub" => Some(match (&identity.bearer.user, application) {
            (Some(user), _) => user.to_string(),
            (None, application) => format!("{APPLICATION_SUBJECT_PREFIX}{}", application.unwrap_or_default()),
        }),
        "client_id" => Some(application.unwrap_or(OPERATOR_CLIENT_ID).to_owned()),
        "environment" => Some(identity.bearer.environment.to_string()),
        "scope" => {
            let limits = identity.limits.as_ref()?;
            Some(limits.of_token.as_ref()?.permission_names.to_string())
        }
        _ => None,
    }
}

/// A value of a kind; none where it isn't of that kind.
pub(super) fn expression(kind: ValueKind, value: &Value) -> Option<RestrictedExpression> {
    let list = |of: ValueKind| {
        let made: Option<Vec<_>> = value.as_array()?.iter().map(|one| expression(of, one)).collect();
        made.map(RestrictedExpression::new_set)
    };
    match kind {
        ValueKind::String => value.as_str().map(|text| RestrictedExpression::new_string(text.to_owned())),
        ValueKind::Integer => value.as_i64().map(RestrictedExpression::new_long),
        ValueKind::Boolean => value.as_bool().map(RestrictedExpression::new_bool),
        ValueKind::Strings => list(ValueKind::String),
        ValueKind::Integers => list(ValueKind::Integer),
    }
}

/// The context of a call.
///
/// # Errors
/// What isn't of its kind or is missing, in words for operators.
pub(super) fn context(
    parameters: &[ReadParameter],
    values: &Values,
    kinds: &BTreeMap<String, ValueKind>,
    claims: &Claims<'_>,
) -> Result<Context, String> {
    let mut pairs = Vec::with_capacity(parameters.len() + 1);
    for (at, parameter) in parameters.iter().enumerate() {
        match values.get(at).and_then(Option::as_ref) {
            Some(value) => {
                let made = expression(parameter.kind, value).ok_or_else(|| {
                    format!("the parameter {} is not {}", parameter.name, kind::kind_words(parameter.kind))
                })?;
                pairs.push((parameter.name.clone(), made));
            }
            None if parameter.is_required => return Err(format!("the parameter {} is missing", parameter.name)),
            None => {}
        }
    }
    if !kinds.is_empty() {
        let mut record = Vec::with_capacity(kinds.len());
        for (name, kind) in kinds {
            if let Some(made) = claims.expression(name, *kind) {
                record.push((name.clone(), made?));
            }
        }
        let record = RestrictedExpression::new_record(record).map_err(|error| error.to_string())?;
        pairs.push((CLAIMS.to_owned(), record));
    }
    Context::from_pairs(pairs).map_err(|error| format!("what is known of the call can't be told: {error}"))
}

/// Where the claims stand.
pub(super) const CLAIMS: &str = "claims";
