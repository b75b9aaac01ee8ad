//! Who asks, and for which record: the identity header and the ids in the path.
//! It knows nothing of what a user may see, nor whether a record exists.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::answer::{Failure, Problem};

const USER_HEADER: &str = "limen-user";

/// The user for whom a request is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// `None` where the API asks for no token; such a caller sees every record.
    pub(crate) user: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let mut values = parts.headers.get_all(USER_HEADER).iter();
        let user = match (values.next(), values.next()) {
            (None, _) => return Ok(Self { user: None }),
            (Some(only), None) => only.to_str().ok().map(str::trim).filter(|user| !user.is_empty()),
            (Some(_), Some(_)) => None,
        };
        // An identity that can't be read must never pass for no identity, because no identity sees everything.
        match user {
            Some(user) => Ok(Self { user: Some(user.to_owned()) }),
            None => Err(Failure::Invalid(vec![Problem {
                pointer: "/Limen-User".to_owned(),
                place: "header",
                message: "Limen-User must occur once and name a user.".to_owned(),
            }])),
        }
    }
}

/// The id of a constituent in the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConstituentId(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for ConstituentId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        path_id(parts, state, "constituent_id").await.map(Self)
    }
}

/// The id of a note in the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoteId(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for NoteId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        path_id(parts, state, "note_id").await.map(Self)
    }
}

async fn path_id<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<i64, Failure> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok();
    let text = parameters.as_ref().and_then(|all| all.iter().find(|(parameter, _)| *parameter == name));
    text.and_then(|(_, value)| id_of(value)).ok_or_else(|| {
        Failure::Invalid(vec![Problem {
            pointer: format!("/{name}"),
            place: "path",
            message: format!("{name} must be a whole number from 1, in digits."),
        }])
    })
}

/// Only the form that the service itself writes: `007` and `+7` are no ids, so that one record has one path.
fn id_of(text: &str) -> Option<i64> {
    let canonical = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_has_one_id() {
        assert_eq!(id_of("280"), Some(280));
        for text in ["", "0", "0280", "+280", "-1", "28O", "280 ", "99999999999999999999"] {
            assert_eq!(id_of(text), None, "{text:?}");
        }
    }

    async fn caller(values: &[&[u8]]) -> Result<Caller, Failure> {
        let mut request = axum::http::Request::builder();
        for value in values {
            request = request.header(USER_HEADER, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        Caller::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn an_unreadable_identity_is_not_taken_for_none() {
        assert_eq!(caller(&[]).await.unwrap().user, None);
        assert_eq!(caller(&[b"restricted"]).await.unwrap().user.as_deref(), Some("restricted"));
        for values in [&[b"a".as_slice(), b"b"][..], &[b""], &[b" "], &[b"\xff"]] {
            assert!(matches!(caller(values).await, Err(Failure::Invalid(_))), "{values:?}");
        }
    }
}
