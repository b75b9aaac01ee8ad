//! Refresh tokens: their form, and whether a presented one is rotated, kept, answered again or ends its family
//! (RFC 6749 §6, RFC 9700 §4.14).
//!
//! A token is `limen_rt_` and 43 base64url characters of 32 bytes. The first 16 are drawn once for each family, so that
//! any old token of it is known for what it is without being kept; the other 16 are drawn for each token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::REFRESH_REPEAT_S;
use super::record::{RefreshHash, RefreshPresented, StoredRefresh};
use super::trouble::Trouble;
use crate::model::ApplicationKind;

/// What every refresh token begins with, so that secret scanners find it.
pub const PREFIX: &str = "limen_rt_";
/// So many bytes name the family; as many follow that are the token's own.
const HALF: usize = 16;

/// What to do with a presented refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A new one takes its place.
    Rotate,
    /// It stays, with its value and its end.
    Preserve,
    /// The answer that took its place is given again.
    Repeat,
    /// Say no.
    Refuse(Trouble),
    /// Say no, and revoke the grant with all that came of it.
    RefuseAndRevoke(Trouble),
}

/// The first refresh token of a family. `fill` fills a buffer with random bytes.
pub fn generate(mut fill: impl FnMut(&mut [u8])) -> String {
    let mut bytes = [0; 2 * HALF];
    fill(&mut bytes);
    written(bytes)
}

/// The next refresh token of the family that `present` is of; `None` where that has not our form.
pub fn generate_next(present: &str, mut fill: impl FnMut(&mut [u8])) -> Option<String> {
    let mut bytes = read(present)?;
    fill(&mut bytes[HALF..]);
    Some(written(bytes))
}

/// What a refresh token is found by; `None` where it has not our form, so that there can't be one.
#[must_use]
pub fn hash(token: &str) -> Option<RefreshHash> {
    let bytes = read(token)?;
    Some(RefreshHash { token: Sha256::digest(token).into(), family: Sha256::digest(&bytes[..HALF]).into() })
}

fn written(bytes: [u8; 2 * HALF]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn read(token: &str) -> Option<[u8; 2 * HALF]> {
    let mut bytes = [0; 2 * HALF];
    let text = token.strip_prefix(PREFIX).filter(|text| text.len() == 43)?;
    let count = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (count == bytes.len()).then_some(bytes)
}

/// Judges a refresh token whose family exists.
///
/// Whoever isn't its application learns nothing and ends nothing. One that was replaced is answered again only to an
/// application that keeps secrets, within seconds, before the successor was used; else it was stolen, or its successor.
#[must_use]
pub fn judge(stored: &StoredRefresh, presented: &RefreshPresented, now_us: i64) -> Verdict {
    if stored.grant.application.as_ref() != Some(&presented.application) || stored.grant.revoked_at_us.is_some() {
        return Verdict::Refuse(Trouble::RefreshTokenInvalid);
    }
    let confidential = presented.kind == ApplicationKind::Confidential;
    if stored.successor.is_some() {
        // A clock that was put back doesn't make the time for repeats longer.
        let soon = |at_us| now_us.abs_diff(at_us) <= REFRESH_REPEAT_S.unsigned_abs() * 1_000_000;
        let repeat = confidential
            && !stored.successor_used
            && stored.sealed_answer.is_some()
            && stored.replaced_at_us.is_some_and(soon);
        return if repeat { Verdict::Repeat } else { Verdict::RefuseAndRevoke(Trouble::RefreshTokenReused) };
    }
    if now_us >= stored.expires_at_us {
        return Verdict::Refuse(Trouble::RefreshTokenInvalid);
    }
    if presented.preserve && confidential { Verdict::Preserve } else { Verdict::Rotate }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Preserve, Refuse, RefuseAndRevoke, Repeat, Rotate};
    use super::*;
    use crate::record::Grant;
    use ApplicationKind::{Confidential, Public};
    use Trouble::{RefreshTokenInvalid, RefreshTokenReused};

    const S: i64 = 1_000_000;

    #[test]
    fn tokens_of_a_family() {
        let mut byte = 0;
        let mut fill = |bytes: &mut [u8]| {
            byte += 1;
            bytes.fill(byte);
        };
        let first = generate(&mut fill);
        let second = generate_next(&first, &mut fill).unwrap();
        let stranger = generate(&mut fill);
        let [first, second, stranger] = [first, second, stranger].map(|token| {
            assert!(token.starts_with("limen_rt_") && token.len() == 52, "{token}");
            hash(&token).unwrap()
        });
        assert_eq!(first.family, second.family);
        assert_ne!(first.family, stranger.family);
        assert_ne!(first.token, second.token);
    }

    #[test]
    fn what_has_not_the_form() {
        let whole = generate(|bytes| bytes.fill(7));
        assert!(hash(&whole).is_some());
        let wrong = ["", "limen_rt_", &whole[1..], &whole[..51], &format!("{whole}A"), &format!("{}B", &whole[..51])];
        for wrong in wrong {
            assert_eq!(hash(wrong), None, "{wrong}");
            assert_eq!(generate_next(wrong, |_| {}), None);
        }
    }

    fn stored(replaced_at_us: Option<i64>) -> StoredRefresh {
        StoredRefresh {
            grant: Grant {
                id: "g".into(),
                user: "ann".into(),
                application: Some("app".into()),
                environment: "town".into(),
                scope: None,
                issued_at_us: 0,
                expires_at_us: 3_600 * S,
                refresh_expires_at_us: Some(100 * S),
                revoked_at_us: None,
            },
            issued_at_us: 0,
            expires_at_us: 100 * S,
            preserved_uses: 0,
            successor: replaced_at_us.map(|_| [2; 32]),
            replaced_at_us,
            successor_used: false,
            sealed_answer: replaced_at_us.map(|_| vec![1]),
        }
    }

    #[test]
    fn who_presents_it_and_when() {
        let cases = [
            // replaced at, now, verdict for a confidential application, for a public one
            (None, 0, Rotate, Rotate),
            (None, 100 * S - 1, Rotate, Rotate),
            (None, 100 * S, Refuse(RefreshTokenInvalid), Refuse(RefreshTokenInvalid)),
            (Some(50 * S), 60 * S, Repeat, RefuseAndRevoke(RefreshTokenReused)),
            (Some(95 * S), 101 * S, Repeat, RefuseAndRevoke(RefreshTokenReused)),
            (Some(50 * S), 60 * S + 1, RefuseAndRevoke(RefreshTokenReused), RefuseAndRevoke(RefreshTokenReused)),
            (Some(50 * S), 30 * S, RefuseAndRevoke(RefreshTokenReused), RefuseAndRevoke(RefreshTokenReused)),
        ];
        for (replaced_at_us, now_us, confidential, public) in cases {
            for preserve in [false, true] {
                let presented = |kind| RefreshPresented { application: "app".into(), kind, preserve };
                let stored = stored(replaced_at_us);
                let kept = if confidential == Rotate && preserve { Preserve } else { confidential };
                assert_eq!(judge(&stored, &presented(Confidential), now_us), kept, "{replaced_at_us:?} {now_us}");
                assert_eq!(judge(&stored, &presented(Public), now_us), public, "{replaced_at_us:?} {now_us}");
                let stranger = RefreshPresented { application: "thief".into(), ..presented(Confidential) };
                assert_eq!(judge(&stored, &stranger, now_us), Refuse(RefreshTokenInvalid));
            }
        }
    }

    #[test]
    fn what_stands_against_a_repeat() {
        let presented = RefreshPresented { application: "app".into(), kind: Confidential, preserve: false };
        let again = stored(Some(50 * S));
        let mut used = again.clone();
        used.successor_used = true;
        let mut erased = again.clone();
        erased.sealed_answer = None;
        let mut forgotten = again.clone();
        forgotten.replaced_at_us = None;
        for reused in [used, erased, forgotten] {
            assert_eq!(judge(&reused, &presented, 51 * S), RefuseAndRevoke(RefreshTokenReused));
        }
        let mut revoked = again;
        revoked.grant.revoked_at_us = Some(50 * S);
        assert_eq!(judge(&revoked, &presented, 51 * S), Refuse(RefreshTokenInvalid));
    }
}
