//! The form of a request to the token, revocation or introspection endpoint: its parameters, each at most once.
//!
//! RFC 6749 §3.2 and appendix B. What stands in the address isn't looked at, and parameters that aren't ours are
//! passed over, however often they came.

use std::borrow::Cow;

use super::trouble::Trouble;
use crate::path::query_pairs;

/// A larger form isn't read.
pub const FORM_MAX_BYTES: usize = 64 * 1024;
/// The media type of a form; it may have parameters, such as a charset.
const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// The parameters that are read; all others are ignored (RFC 6749 §3.2).
const PARAMETERS: [&str; 12] = [
    "grant_type",
    "client_id",
    "client_secret",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "preserve_refresh_token",
    "scope",
    "environment_id",
    "token",
    "token_type_hint",
];

/// What is wrong with a request, and what was sent there.
pub type Wrong = (Trouble, String);

/// A form's parameters that we know.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form {
    values: Vec<(&'static str, String)>,
}

/// Names alone: among the values are secrets.
impl std::fmt::Debug for Form {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.values.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Reads a form. `content_type` is the header's value; the body is one that was read whole.
    ///
    /// # Errors
    /// `NotAForm`, `FormParameterRepeated`.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, Wrong> {
        let not_a_form = || (Trouble::NotAForm, String::new());
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case(FORM_TYPE) || body.len() > FORM_MAX_BYTES {
            return Err(not_a_form());
        }
        // A form is ASCII; what isn't was not encoded, and two readers could decode it in two ways.
        let text = std::str::from_utf8(body).ok().filter(|text| text.is_ascii()).ok_or_else(not_a_form)?;
        let mut values: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in query_pairs(text.trim_end_matches(['\r', '\n'])) {
            let Some(known) = PARAMETERS.into_iter().find(|known| *known == name) else { continue };
            if values.iter().any(|(there, _)| *there == known) {
                return Err((Trouble::FormParameterRepeated, known.to_owned()));
            }
            values.push((known, Cow::into_owned(value)));
        }
        Ok(Self { values })
    }

    /// A parameter's value; one that came without a value counts as left out (RFC 6749 §3.2).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(there, _)| *there == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter that has to be there.
    ///
    /// # Errors
    /// `ParameterMissing`, with its name.
    pub fn required(&self, name: &str) -> Result<&str, Wrong> {
        self.get(name).ok_or_else(|| (Trouble::ParameterMissing, name.to_owned()))
    }

    /// A yes or no, in letters of any case; left out: no.
    ///
    /// # Errors
    /// `FormParameterInvalid`, with its name.
    pub fn flag(&self, name: &str) -> Result<bool, Wrong> {
        match self.get(name) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err((Trouble::FormParameterInvalid, name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(body: &str) -> Result<Form, Wrong> {
        Form::parse(Some(FORM_TYPE), body.as_bytes())
    }

    #[test]
    fn content_types_of_forms() {
        let cases = [
            (Some("application/x-www-form-urlencoded"), true),
            (Some("application/x-www-form-urlencoded;charset=UTF-8"), true),
            (Some("Application/X-WWW-Form-Urlencoded ; charset=\"utf-8\"; x=y"), true),
            (Some("application/x-www-form-urlencoded2"), false),
            (Some("application/json"), false),
            (Some("multipart/form-data; boundary=x"), false),
            (Some("text/plain"), false),
            (Some(""), false),
            (None, false),
        ];
        for (content_type, is_form) in cases {
            let read = Form::parse(content_type, b"code=a");
            assert_eq!(read.is_ok(), is_form, "{content_type:?}");
            assert!(is_form || read == Err((Trouble::NotAForm, String::new())));
        }
    }

    #[test]
    fn values_are_decoded_once() {
        let cases = [
            ("code=a", Some("a")),
            ("code=a%2Bb+c", Some("a+b c")),
            ("code=a=b", Some("a=b")),
            ("%63ode=a", Some("a")),
            ("code=%2561", Some("%61")),
            ("code=50%", Some("50%")),
            ("code=%C3%A4", Some("ä")),
            ("&&code=a&", Some("a")),
            ("code=a\r\n", Some("a")),
            ("code=", None),
            ("code", None),
            ("CODE=a", None),
            ("", None),
        ];
        for (body, value) in cases {
            assert_eq!(form(body).unwrap().get("code"), value, "{body}");
        }
    }

    #[test]
    fn what_we_know_comes_once_and_what_we_do_not_know_is_ignored() {
        for body in ["code=a&code=a", "code=a&c%6Fde=b", "code=&code=b", "code&x=y&code"] {
            assert_eq!(form(body), Err((Trouble::FormParameterRepeated, "code".into())), "{body}");
        }
        let read = form("resource=a&resource=b&code=c&audience=&x&x").unwrap();
        assert_eq!(read.get("code"), Some("c"));
        assert_eq!(read.get("resource"), None);
    }

    #[test]
    fn too_large_or_not_ascii_is_no_form() {
        assert!(form(&format!("code={}", "a".repeat(FORM_MAX_BYTES - 5))).is_ok());
        assert!(form(&format!("code={}", "a".repeat(FORM_MAX_BYTES - 4))).is_err());
        assert!(form("code=ä").is_err());
        assert!(Form::parse(Some(FORM_TYPE), b"code=\xff").is_err());
    }

    #[test]
    fn booleans_in_any_case() {
        let flag = |text: &str| form(&format!("preserve_refresh_token={text}")).unwrap().flag("preserve_refresh_token");
        for (text, value) in
            [("true", true), ("True", true), ("TRUE", true), ("tRuE", true), ("False", false), ("", false)]
        {
            assert_eq!(flag(text), Ok(value), "{text}");
        }
        assert_eq!(form("").unwrap().flag("preserve_refresh_token"), Ok(false));
        for text in ["1", "yes", "true+", "t"] {
            assert_eq!(flag(text).unwrap_err().0, Trouble::FormParameterInvalid, "{text}");
        }
    }

    #[test]
    fn a_form_s_secrets_are_not_in_its_debug_form() {
        let shown = format!("{:?}", form("client_secret=hush&code=quiet").unwrap());
        assert_eq!(shown, "[\"client_secret\", \"code\"]");
    }

    proptest! {
        #[test]
        fn whatever_was_encoded_comes_back(value in "\\PC{1,40}") {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let read = form(&format!("state=x&code={encoded}&scope=y")).unwrap();
            prop_assert_eq!(read.get("code"), Some(value.as_str()));
        }

        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(Some(FORM_TYPE), &body);
        }
    }
}
