//! How an issuer is asked about a token, and what its answer says (RFC 7662).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::sign_in::parameters::append;
use crate::token::foreign::Claims;

/// No longer answer is read.
pub const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// The longest time that an answer is remembered, in seconds.
pub const REMEMBER_MAX_S: u64 = 300;

/// What is asked (RFC 7662 §2.1): the form, and `Authorization` with the name and secret that we have there.
#[must_use]
pub fn question(application_id: &str, secret: &str, token: &str) -> (String, String) {
    let form = |fields: &[(&str, &str)]| {
        let mut form = String::new();
        fields.iter().for_each(|(name, value)| append(&mut form, name.as_bytes(), value.as_bytes()));
        form
    };
    // RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
    let encoded = |text: &str| form(&[("", text)]).trim_start_matches('=').to_owned();
    let pair = format!("{}:{}", encoded(application_id), encoded(secret));
    (form(&[("token", token), ("token_type_hint", "access_token")]), format!("Basic {}", STANDARD.encode(pair)))
}

/// Reads an answer (RFC 7662 §2.2): the claims of an active token, or none where it isn't.
///
/// # Errors
/// Why it is no answer, for operators. That says nothing of the token.
pub fn read(status: u16, body: &[u8]) -> Result<Option<Claims>, String> {
    match status {
        200 => {}
        401 | 403 => return Err(format!("it answered {status}: look at application_id and secret_file")),
        _ => return Err(format!("it answered {status}")),
    }
    if body.len() > ANSWER_MAX_BYTES {
        return Err(format!("its answer is larger than {ANSWER_MAX_BYTES} bytes"));
    }
    let claims = Claims::read(body).map_err(|words| format!("its answer is none of RFC 7662: {words}"))?;
    match claims.get("active") {
        Some(Value::Bool(true)) => Ok(Some(claims)),
        Some(Value::Bool(false)) => Ok(None),
        _ => Err("its answer does not say whether the token is active".into()),
    }
}
