//! A refresh token exchanged for new tokens, RFC 6749 §6 and RFC 9700 §4.14.

use limen_rules::model::Name;
use limen_rules::record::Grant;
use limen_rules::sign_in::record::{NewRefresh, RefreshHash, RefreshPresented, Rotation, StoredRefresh};
use limen_rules::sign_in::refresh::{self, Verdict, judge};
use limen_rules::sign_in::scope;
use limen_rules::sign_in::sealed::{self, NONCE_BYTES};
use limen_rules::sign_in::trouble::Trouble;

use super::answer::Refused;
use super::issue::{self, Refresh, Standing, Subject};
use super::journal::Note;
use super::request::Asked;
use super::revoke;
use crate::ports::Portal;

/// Rotates the form's refresh token, keeps it, or repeats an answer that may not have arrived.
pub(super) async fn refresh(portal: &Portal, note: &Note, asked: &Asked) -> Result<Vec<u8>, Refused> {
    let wrong = |wrong| Refused::new("form", wrong);
    let token = asked.form.required("refresh_token").map_err(wrong)?;
    let presented = RefreshPresented {
        application: asked.application.name.clone(),
        kind: asked.application.kind,
        preserve: asked.form.flag("preserve_refresh_token").map_err(wrong)?,
    };
    let unknown = |words| Refused::plain("refresh token", Trouble::RefreshTokenInvalid).words(words);
    let hash = refresh::hash(token).ok_or_else(|| unknown("It has not the form of a refresh token; was it cut?"))?;
    let stored = portal.store.refresh_token(&hash).await?.ok_or_else(|| unknown("No such refresh token is kept."))?;
    let now_us = portal.clock.now_us();
    let verdict = judge(&stored, &presented, now_us);
    match verdict {
        Verdict::Rotate => note.passed("refresh token", "It is the good one of its family, and is replaced."),
        Verdict::Preserve => note.passed("refresh token", "It is the good one of its family, and is kept."),
        Verdict::Repeat => note.passed("refresh token", "It was replaced moments ago; the answer is given again."),
        Verdict::Refuse(trouble) => return Err(refused(trouble, &stored, &presented, now_us)),
        Verdict::RefuseAndRevoke(trouble) => {
            portal.store.revoke_grant(&stored.grant.id, now_us).await?;
            revoke::live(portal).await?;
            return Err(refused(trouble, &stored, &presented, now_us));
        }
    }
    let Grant { user, environment, .. } = &stored.grant;
    let party = portal.store.party(user, &presented.application, environment).await?;
    let standing = issue::standing(party, environment, note)?;
    let kept = (verdict == Verdict::Preserve).then_some(stored.expires_at_us);
    let used = Used { asked, token, hash, stored: &stored, kept };
    use_up(portal, note, used, &presented, &standing, now_us).await
}

/// A refresh token that may be used.
struct Used<'a> {
    asked: &'a Asked,
    token: &'a str,
    hash: RefreshHash,
    stored: &'a StoredRefresh,
    /// When it ends, where it stays.
    kept: Option<i64>,
}

async fn use_up(
    portal: &Portal,
    note: &Note,
    used: Used<'_>,
    presented: &RefreshPresented,
    standing: &Standing,
    now_us: i64,
) -> Result<Vec<u8>, Refused> {
    let Used { asked, token, hash, stored, kept } = used;
    let grant = &stored.grant;
    let held = held(portal, standing, grant, asked.form.get("scope")).await?;
    let held: Vec<&str> = held.iter().map(|name| &**name).collect();
    let connected = standing.connection.scopes.as_deref();
    let reach = scope::reach(grant.scope.as_deref(), connected, &held, asked.form.get("scope"))
        .map_err(|beyond| Refused::new("scope", (Trouble::GrantScopeInvalid, beyond.to_owned())))?;
    let next = refresh::generate_next(token, |bytes| portal.random.fill(bytes));
    let next = next.and_then(|next| Some((refresh::hash(&next)?, next)));
    let (next_hash, next) = next.ok_or_else(|| Refused::plain("refresh token", Trouble::RefreshTokenInvalid))?;
    let next_expires_at_us = issue::refresh_expires_at_us(presented.kind, now_us);
    let given = match kept {
        Some(expires_at_us) => Refresh { token: token.to_owned(), expires_at_us },
        None => Refresh { token: next, expires_at_us: next_expires_at_us },
    };
    let subject = Subject {
        application: &asked.application,
        environment: &standing.environment,
        user: Some(&standing.user),
        grant: &grant.id,
        reach,
    };
    let body = issue::answer(portal, subject, Some(given), now_us)?;
    let mut nonce = [0; NONCE_BYTES];
    portal.random.fill(&mut nonce);
    let unsealed = || Refused::plain("answer", Trouble::TokensUnavailable).words("An answer could not be sealed.");
    let sealed = sealed::seal(token, &body, nonce).ok_or_else(unsealed)?;
    let new = NewRefresh { hash: next_hash, expires_at_us: next_expires_at_us };
    let access_expires_at_us = issue::access_expires_at_us(now_us);
    match portal.store.rotate_refresh(&hash, presented, new, sealed, access_expires_at_us, now_us).await? {
        Rotation::Rotated | Rotation::Preserved => {
            note.passed("tokens", format!("Given under {}.", grant.id));
            Ok(body)
        }
        Rotation::Repeat(sealed) => {
            note.passed("tokens", format!("The answer under {} was given again.", grant.id));
            sealed::open(token, &sealed).ok_or_else(unsealed)
        }
        Rotation::Refused(trouble) => {
            Err(Refused::plain("refresh token", trouble).words("Something changed while it was looked at."))
        }
    }
}

/// What the user's roles give, where that is asked: a full grant is narrowed to permissions that its user has.
async fn held(portal: &Portal, standing: &Standing, grant: &Grant, asked: Option<&str>) -> Result<Vec<Name>, Refused> {
    if asked.is_none() || grant.scope.is_some() {
        return Ok(Vec::new());
    }
    let here = |environment: &Name| *environment == standing.environment.name;
    let membership = standing.user.memberships.iter().find(|membership| here(&membership.environment));
    let roles = membership.map(|membership| membership.roles.as_slice()).unwrap_or_default();
    Ok(portal.store.permissions_of_roles(roles).await?)
}

/// The answer says what an application may know; the words say which of it is meant.
fn refused(trouble: Trouble, stored: &StoredRefresh, presented: &RefreshPresented, now_us: i64) -> Refused {
    let ago_s = |at_us: i64| now_us.saturating_sub(at_us).div_euclid(1_000_000);
    let grant = &stored.grant;
    Refused::plain("refresh token", trouble).words(match (grant.revoked_at_us, stored.replaced_at_us) {
        _ if grant.application.as_ref() != Some(&presented.application) => {
            format!("It was given to application {}.", grant.application.as_deref().unwrap_or("none"))
        }
        (Some(revoked_at_us), _) => format!("{} was revoked {} s ago.", grant.id, ago_s(revoked_at_us)),
        (None, Some(replaced_at_us)) => {
            format!("It was replaced {} s ago; {} was revoked.", ago_s(replaced_at_us), grant.id)
        }
        (None, None) if stored.successor.is_some() => format!("It was replaced long ago; {} was revoked.", grant.id),
        (None, None) => format!("It expired {} s ago.", ago_s(stored.expires_at_us)),
    })
}
