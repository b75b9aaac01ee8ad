//! What an operation says of its requests and answers, made ready to be compared with them.

use std::sync::Arc;

use crate::contract::{Cause, FieldError, Location, Refusal};
use crate::drift::LiveAnswers;
use crate::model::{Api, Operation};
use crate::parameter::LiveParameters;
use crate::schema::{Library, LiveBody, SchemaProblem};
use crate::snapshot::LiveApi;

/// Parameters and bodies of an operation, made ready. The default says nothing of them.
#[derive(Debug, Default)]
pub struct LiveDescription {
    /// The parameters.
    pub parameters: LiveParameters,
    /// The request's body.
    pub body: LiveBody,
    /// The service's answers, where they are compared.
    pub answers: LiveAnswers,
    /// Why it could not be made ready; then no call of the operation is let through.
    pub broken: Option<String>,
}

impl LiveDescription {
    /// Makes ready what an operation says; `library` has the API's schemas.
    ///
    /// # Errors
    /// The schema that can't be made ready.
    pub fn compile(api: &Api, operation: &Operation, library: &Arc<Library>) -> Result<Self, SchemaProblem> {
        Ok(Self {
            parameters: LiveParameters::compile(api, operation, library)?,
            body: LiveBody::compile(api, operation, library)?,
            // What is said of answers is for operators: where it can't be made ready, no call suffers.
            answers: LiveAnswers::compile(api, operation, library).unwrap_or_default(),
            broken: None,
        })
    }
}

/// What an operation says, made ready; from `before`, where it says the same there.
#[must_use]
pub fn live(
    api: &Api,
    operation: &Operation,
    library: &Arc<Library>,
    before: Option<&LiveApi>,
) -> Arc<LiveDescription> {
    if let Some(before) = before.filter(|before| is_described_alike(&before.api, api)) {
        let at = before.api.operations.iter().position(|one| one == operation);
        if let Some(same) = at.and_then(|at| before.operations.get(at)) {
            return Arc::clone(&same.description);
        }
    }
    let compiled = LiveDescription::compile(api, operation, library);
    // Whatever is declared was compiled before; should that fail now, nothing passes unlooked at.
    Arc::new(
        compiled
            .unwrap_or_else(|problem| LiveDescription { broken: Some(problem.message), ..LiveDescription::default() }),
    )
}

fn is_described_alike(before: &Api, now: &Api) -> bool {
    (Arc::ptr_eq(&before.schemas, &now.schemas) || before.schemas == now.schemas)
        && before.read_only == now.read_only
        && before.unknown_parameters == now.unknown_parameters
        && before.cookies == now.cookies
        && before.check_answers == now.check_answers
        && before.validate == now.validate
}

/// The 400 for everything that was found wrong with parameters and body, all at once.
#[must_use]
pub fn refusal(errors: Vec<FieldError>) -> Refusal {
    let is_parameter = errors.first().is_some_and(|error| error.location != Location::Body);
    let cause = if is_parameter { Cause::ParameterInvalid } else { Cause::SchemaViolation };
    let words = match errors.as_slice() {
        [FieldError { pointer, location: Location::Body, message }] if pointer.is_empty() => {
            format!("The body {message}.")
        }
        [FieldError { pointer, location: Location::Body, message }] => format!("In the body, {pointer} {message}."),
        [one] => one.message.clone(),
        several => format!("{} things are wrong with the request; errors lists them.", several.len()),
    };
    let refusal = Refusal::new(cause).message(words.clone()).detail(words);
    errors.into_iter().fold(refusal, |refusal, one| refusal.error(one.pointer, one.location, one.message))
}
