//! Whether an authorization code may be exchanged: RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §4.5 and §4.8.

use subtle::ConstantTimeEq;

use super::record::{CodePresented, StoredCode};
use super::trouble::Trouble;
use super::{CODE_REPEAT_S, pkce};

/// What to do with a presented code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Exchange it.
    Exchange,
    /// Say no. The code stays as it is.
    Refuse(Trouble),
    /// Say no, and revoke what the code was exchanged for.
    RefuseAndRevoke(Trouble),
}

/// Judges a code that exists.
///
/// Whoever isn't its application learns nothing and ends nothing. A used code revokes what it gave, save where the same
/// request came twice in quick succession; one that fails for its redirect URI or verifier is not used up.
#[must_use]
pub fn judge(stored: &StoredCode, presented: &CodePresented, now_us: i64) -> Verdict {
    let code = &stored.code;
    if code.application != presented.application {
        return Verdict::Refuse(Trouble::CodeInvalid);
    }
    let verified = verified(code.code_challenge.as_deref(), presented.verifier.as_deref());
    if let Some(used_at_us) = stored.used_at_us {
        // A clock that was put back doesn't make the time for repeats longer.
        let soon = now_us.abs_diff(used_at_us) <= CODE_REPEAT_S.unsigned_abs() * 1_000_000;
        return if soon && verified {
            Verdict::Refuse(Trouble::CodeInvalid)
        } else {
            Verdict::RefuseAndRevoke(Trouble::CodeInvalid)
        };
    }
    if now_us >= code.expires_at_us {
        return Verdict::Refuse(Trouble::CodeInvalid);
    }
    if presented.redirect_uri.as_ref() != Some(&code.redirect_uri) {
        return Verdict::Refuse(Trouble::CodeRedirectUriMismatch);
    }
    if !verified {
        return Verdict::Refuse(Trouble::VerifierInvalid);
    }
    Verdict::Exchange
}

/// A verifier without a challenge is refused too: somebody took the challenge out of the request (RFC 9700 §4.8.2).
fn verified(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            pkce::challenge_of(verifier).is_some_and(|made| made.as_bytes().ct_eq(challenge.as_bytes()).into())
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Exchange, Refuse, RefuseAndRevoke};
    use super::*;
    use crate::sign_in::record::AuthorizationCode;
    use Trouble::{CodeInvalid, CodeRedirectUriMismatch, VerifierInvalid};

    const S: i64 = 1_000_000;
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn stored(used_at_us: Option<i64>, challenge: bool) -> StoredCode {
        StoredCode {
            code: AuthorizationCode {
                application: "app".into(),
                user: "ann".into(),
                environment: "town".into(),
                redirect_uri: "http://127.0.0.1:1/back".into(),
                scope: None,
                code_challenge: challenge.then(|| pkce::challenge_of(VERIFIER).unwrap()),
                issued_at_us: 0,
                expires_at_us: 300 * S,
            },
            used_at_us,
            grant: used_at_us.map(|_| "g".into()),
        }
    }

    fn presented(application: &str, redirect_uri: Option<&str>, verifier: Option<&str>) -> CodePresented {
        CodePresented {
            application: application.into(),
            redirect_uri: redirect_uri.map(Into::into),
            verifier: verifier.map(Into::into),
        }
    }

    #[test]
    fn who_presents_what_and_when() {
        let right = Some("http://127.0.0.1:1/back");
        let other = Some("http://127.0.0.1:2/back");
        let wrong = "x".repeat(43);
        let wrong = Some(&*wrong);
        let good = Some(VERIFIER);
        let cases = [
            // application, redirect URI, verifier, used at, now, verdict with a challenge, verdict without
            ("app", right, good, None, 0, Exchange, Refuse(VerifierInvalid)),
            ("app", right, None, None, 0, Refuse(VerifierInvalid), Exchange),
            ("app", right, wrong, None, 0, Refuse(VerifierInvalid), Refuse(VerifierInvalid)),
            ("app", other, good, None, 0, Refuse(CodeRedirectUriMismatch), Refuse(CodeRedirectUriMismatch)),
            ("app", None, None, None, 0, Refuse(CodeRedirectUriMismatch), Refuse(CodeRedirectUriMismatch)),
            ("app", right, good, None, 300 * S - 1, Exchange, Refuse(VerifierInvalid)),
            ("app", right, good, None, 300 * S, Refuse(CodeInvalid), Refuse(CodeInvalid)),
            ("thief", right, good, None, 0, Refuse(CodeInvalid), Refuse(CodeInvalid)),
            ("thief", right, good, Some(0), 99 * S, Refuse(CodeInvalid), Refuse(CodeInvalid)),
            ("app", right, good, Some(10 * S), 15 * S, Refuse(CodeInvalid), RefuseAndRevoke(CodeInvalid)),
            ("app", right, None, Some(10 * S), 15 * S, RefuseAndRevoke(CodeInvalid), Refuse(CodeInvalid)),
            ("app", right, good, Some(10 * S), 15 * S + 1, RefuseAndRevoke(CodeInvalid), RefuseAndRevoke(CodeInvalid)),
            ("app", right, good, Some(10 * S), 4 * S, RefuseAndRevoke(CodeInvalid), RefuseAndRevoke(CodeInvalid)),
            ("app", right, None, Some(10 * S), 999 * S, RefuseAndRevoke(CodeInvalid), RefuseAndRevoke(CodeInvalid)),
        ];
        for (application, redirect_uri, verifier, used_at_us, now_us, with, without) in cases {
            let presented = presented(application, redirect_uri, verifier);
            assert_eq!(judge(&stored(used_at_us, true), &presented, now_us), with, "{presented:?} at {now_us}");
            assert_eq!(judge(&stored(used_at_us, false), &presented, now_us), without, "{presented:?} at {now_us}");
        }
    }

    #[test]
    fn a_verifier_is_not_shown() {
        assert!(!format!("{:?}", presented("app", None, Some(VERIFIER))).contains(VERIFIER));
    }
}
