//! The public keys that verify tokens and assertions, as a JWK set (RFC 7517, RFC 7518 §6.2).

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limen_rules::model::Name;
use serde::Serialize;

use super::page::{Trouble, Wants};
use crate::ports::Portal;

#[derive(Serialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// A P-256 key, RFC 7518 §6.2.1.
#[derive(Debug, PartialEq, Serialize)]
struct Key {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
    y: String,
}

/// The two coordinates of an uncompressed SEC 1 point: `04 X Y`; none if it isn't one.
fn jwk(kid: &Name, public_point: &[u8]) -> Option<Key> {
    let coordinates = public_point.strip_prefix(&[4]).filter(|rest| rest.len() == 64)?;
    let (x, y) = coordinates.split_at_checked(32)?;
    Some(Key {
        kty: "EC",
        crv: "P-256",
        usage: "sig",
        alg: "ES256",
        kid: kid.to_string(),
        x: URL_SAFE_NO_PAD.encode(x),
        y: URL_SAFE_NO_PAD.encode(y),
    })
}

/// `GET /.well-known/jwks.json`: the keys that are trusted now.
pub(super) async fn show(State(portal): State<Portal>, wants: Wants) -> Response {
    let keys = match portal.store.signing_keys().await {
        Ok(keys) => keys,
        Err(error) => return Trouble::store(&error).answer(wants),
    };
    let now_us = portal.clock.now_us();
    let trusted = keys.iter().filter(|key| key.trusted_until_us.is_none_or(|until| now_us < until));
    let headers = [
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::CONTENT_TYPE, "application/jwk-set+json"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, Json(KeySet { keys: trusted.filter_map(|key| jwk(&key.kid, &key.public_point)).collect() }))
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(public_point: &[u8]) -> Option<Key> {
        jwk(&"k1".into(), public_point)
    }

    #[test]
    fn a_point_becomes_its_coordinates() {
        // RFC 7517, appendix A.1.
        let x = URL_SAFE_NO_PAD.decode("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4").unwrap();
        let y = URL_SAFE_NO_PAD.decode("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM").unwrap();
        let made = of(&[&[4][..], &x, &y].concat()).unwrap();
        assert_eq!(made.x, "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
        assert_eq!(made.y, "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
    }

    #[test]
    fn what_is_no_point_is_left_out() {
        assert_eq!(of(&[4; 64]), None);
        assert_eq!(of(&[2; 65]), None);
        assert_eq!(of(&[]), None);
    }
}
