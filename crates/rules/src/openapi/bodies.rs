//! What a document says of an operation's request body, and which media types that leaves.

use super::content::{self, Whose};
use super::loss::Effect;
use super::reading::{At, Reading};
use crate::model::RequestBody;

/// A body and the media types that it may have.
#[derive(Default)]
pub(super) struct Described {
    /// What is said of it.
    pub(super) body: Option<RequestBody>,
    /// The media types; none: those of the API.
    pub(super) media_types: Option<Vec<String>>,
}

/// Methods whose body means nothing unless somebody says what (RFC 9110 §9.3).
const BODILESS: [&str; 4] = ["GET", "HEAD", "DELETE", "OPTIONS"];

/// The request body of an operation.
///
/// Where none is described, GET, HEAD, DELETE and OPTIONS take none (an empty JSON one of a GET or DELETE is fine in
/// any case). Others take what the API takes: many documents don't mention the `{}` that callers send with a POST.
pub(super) fn body<'d>(reading: &mut Reading<'d>, at: &At<'d>, method: &str) -> Described {
    let none = || Described { body: None, media_types: BODILESS.contains(&method).then(Vec::new) };
    let Some(told) = at.member("requestBody") else { return none() };
    let words = "bodies are looked at by the API's media types only";
    let Some(told) = reading.followed(told, "a body", Effect::NotEnforced, words) else { return Described::default() };
    reading.only(&told, "a body", &["description", "content", "required"]);
    let content = content::all(reading, &told, Whose::Request);
    if content.is_empty() {
        let why = "no media type is told of it";
        reading.lose(Effect::NotEnforced, &told.pointer, "requestBody without content", why, words);
        let body = RequestBody { required: told.is("required"), content };
        return Described { body: Some(body), media_types: None };
    }
    let media_types = content.iter().map(|one| one.media_type.clone()).collect();
    Described { body: Some(RequestBody { required: told.is("required"), content }), media_types: Some(media_types) }
}
