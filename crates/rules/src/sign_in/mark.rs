//! Marks that show that a form or a browser is one of ours: HMAC-SHA256 under what only we or that browser know.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// What a form's mark is over.
const FORM: &[u8] = b"csrf";

/// The mark of a form for the browser whose cookie has this value.
#[must_use]
pub fn of_form(cookie: &str) -> String {
    mac(cookie.as_bytes(), FORM)
}

/// Whether a form came from a page that was made for this browser.
#[must_use]
pub fn is_of_form(mark: &str, cookie: &str) -> bool {
    of_form(cookie).as_bytes().ct_eq(mark.as_bytes()).into()
}

/// The value of a cookie that shows that `user` signed in with this browser before; `id` is the browser's own.
#[must_use]
pub fn of_device(key: &[u8], id: &str, user: &str) -> String {
    format!("{id}.{}", mac(key, &device(id, user)))
}

/// The browser's id, if `value` was given to it when `user` signed in.
#[must_use]
pub fn device_of<'v>(key: &[u8], value: &'v str, user: &str) -> Option<&'v str> {
    let (id, mark) = value.split_once('.')?;
    let is_ours: bool = mac(key, &device(id, user)).as_bytes().ct_eq(mark.as_bytes()).into();
    is_ours.then_some(id)
}

fn device(id: &str, user: &str) -> Vec<u8> {
    [b"device\0", id.as_bytes(), b"\0", user.as_bytes()].concat()
}

fn mac(key: &[u8], text: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_s_mark_fits_its_own_browser_alone() {
        let mark = of_form("cookie");
        assert_eq!(mark.len(), 43);
        assert!(is_of_form(&mark, "cookie") && !is_of_form(&mark, "cookif"));
        for wrong in ["", &mark[1..], "cookie"] {
            assert!(!is_of_form(wrong, "cookie"), "{wrong}");
        }
    }

    #[test]
    fn a_browser_is_known_for_its_own_user_alone() {
        let value = of_device(b"key", "id", "ada");
        assert_eq!(device_of(b"key", &value, "ada"), Some("id"));
        assert_eq!(device_of(b"key", &value, "bob"), None);
        assert_eq!(device_of(b"other", &value, "ada"), None);
        for wrong in ["", "id", "id.", &value.replace("id.", "ie."), &value[..value.len() - 1]] {
            assert_eq!(device_of(b"key", wrong, "ada"), None, "{wrong}");
        }
    }
}
