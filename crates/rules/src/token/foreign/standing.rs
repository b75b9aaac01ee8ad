//! Whether a token of another issuer is one for us, of the right kind, and in time (RFC 7519 §4.1, RFC 8725 §3.8-3.12).

use serde_json::Value;

use super::claims::{Claims, shown};
use super::{Foreign, invalid};
use crate::contract::{Cause, Refusal};
use crate::issuer::CLOCK_SKEW_S;
use crate::model::{TokenForm, TrustedIssuer};
use crate::token::refuse;

/// What issuers write in their `typ` claim, or `token_type`, for what is no access token.
const OTHER_KINDS: [&str; 6] = ["id", "refresh", "offline", "logout", "refresh_token", "id_token"];
/// Only ID tokens bind other things to them (OpenID Connect Core §3.1.3.6, §3.3.2.11).
const OF_ID_TOKENS: [&str; 2] = ["at_hash", "c_hash"];

/// When the token ends, in seconds since the Unix epoch.
pub(super) fn check_standing(settings: &TrustedIssuer, foreign: &Foreign, now_s: i64) -> Result<i64, Refusal> {
    let claims = &foreign.claims;
    check_issuer(settings, claims).map_err(invalid)?;
    check_kind(settings, foreign).map_err(invalid)?;
    check_audience(settings, claims).map_err(invalid)?;
    check_time(settings, claims, now_s)
}

fn check_issuer(settings: &TrustedIssuer, claims: &Claims) -> Result<(), String> {
    match (claims.text("iss")?, settings.form) {
        (Some(issuer), _) if issuer == settings.issuer => Ok(()),
        // Whoever was asked about it has answered for it.
        (None, TokenForm::Opaque) => Ok(()),
        (Some(issuer), _) => Err(format!("it is of another issuer: {}", shown(issuer))),
        (None, TokenForm::Signed) => Err("it names no issuer (iss)".into()),
    }
}

/// Whether it is an access token, and one that whoever holds it may use.
fn check_kind(settings: &TrustedIssuer, foreign: &Foreign) -> Result<(), String> {
    let claims = &foreign.claims;
    if settings.form == TokenForm::Signed {
        let kind = foreign.kind.as_deref().unwrap_or("none");
        let bare =
            kind.get(..12).filter(|begin| begin.eq_ignore_ascii_case("application/")).map_or(kind, |_| &kind[12..]);
        if !settings.token_types.iter().any(|one| one.eq_ignore_ascii_case(bare)) {
            let types = settings.token_types.join(", ");
            return Err(format!("its typ is {}, and token_types of issuer {} has {types}", shown(kind), settings.name));
        }
    }
    for name in ["typ", "token_type", "token_use"] {
        let told = claims.get(name).and_then(Value::as_str).unwrap_or_default();
        if OTHER_KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(told)) {
            return Err(format!("it is no access token ({name}: {})", shown(told)));
        }
    }
    if let Some(name) = OF_ID_TOKENS.into_iter().find(|name| claims.get(name).is_some()) {
        return Err(format!("it is an ID token ({name})"));
    }
    if claims.get("cnf").is_some_and(|bound| !bound.is_null()) {
        return Err("it is bound to a key of its holder (cnf), of which no proof can be asked here".into());
    }
    Ok(())
}

fn check_audience(settings: &TrustedIssuer, claims: &Claims) -> Result<(), String> {
    let named: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_asked_for = settings.form == TokenForm::Signed || !settings.audiences.is_empty();
    if is_asked_for && !named.iter().any(|one| settings.audiences.iter().any(|audience| audience == one)) {
        let named = named.first().map_or_else(|| "nobody".into(), |one| shown(one));
        return Err(format!("it is for {named} (aud), and none of the audiences of issuer {}", settings.name));
    }
    Ok(())
}

fn check_time(settings: &TrustedIssuer, claims: &Claims, now_s: i64) -> Result<i64, Refusal> {
    let moment = |name| claims.moment_s(name).map_err(invalid);
    let (expires, issued, begins) = (moment("exp")?, moment("iat")?, moment("nbf")?);
    let lifetime_max_s = i64::try_from(settings.lifetime_max_s).unwrap_or(i64::MAX);
    let Some(expires_at_s) = expires else {
        // An issuer that is asked anew says so itself when it is over.
        return match settings.form {
            TokenForm::Opaque => Ok(now_s.saturating_add(lifetime_max_s)),
            TokenForm::Signed => Err(invalid("it has no end (exp)")),
        };
    };
    if now_s >= expires_at_s.saturating_add(CLOCK_SKEW_S) {
        let words = format!("expired {} s ago", now_s.saturating_sub(expires_at_s));
        return Err(refuse(Cause::TokenExpired, words));
    }
    let latest_s = now_s.saturating_add(CLOCK_SKEW_S);
    if begins.is_some_and(|begins_s| begins_s > latest_s) {
        return Err(invalid("it is not valid yet (nbf); compare the clocks"));
    }
    if issued.is_some_and(|issued_s| issued_s > latest_s) {
        return Err(invalid("it was issued in the future (iat); compare the clocks"));
    }
    let lifetime_s = match issued {
        Some(issued_s) => expires_at_s.saturating_sub(issued_s),
        None => expires_at_s.saturating_sub(latest_s),
    };
    if lifetime_s > lifetime_max_s {
        let words = format!("it lives for {lifetime_s} s, and issuer {} is allowed {lifetime_max_s}", settings.name);
        return Err(invalid(words));
    }
    Ok(expires_at_s)
}
