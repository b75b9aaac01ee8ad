//! A code exchanged for tokens, RFC 6749 §4.1.3 and RFC 7636 §4.5.

use limen_rules::key;
use limen_rules::record::Grant;
use limen_rules::sign_in::code::{Verdict, judge};
use limen_rules::sign_in::record::{CodePresented, NewRefresh, StoredCode};
use limen_rules::sign_in::trouble::Trouble;
use limen_rules::sign_in::{refresh, scope};

use super::answer::Refused;
use super::issue::{self, Refresh, Subject};
use super::journal::Note;
use super::request::Asked;
use super::revoke;
use crate::admin::id;
use crate::ports::Portal;

/// Exchanges the form's code: one of many exchanges at once wins.
pub(super) async fn exchange(portal: &Portal, note: &Note, asked: &Asked) -> Result<Vec<u8>, Refused> {
    let required = |name| asked.form.required(name).map_err(|wrong| Refused::new("form", wrong));
    let hash = key::hash(required("code")?);
    let presented = CodePresented {
        application: asked.application.name.clone(),
        redirect_uri: Some(required("redirect_uri")?.to_owned()),
        verifier: asked.form.get("code_verifier").map(str::to_owned),
    };
    let now_us = portal.clock.now_us();
    let unknown = || Refused::plain("code", Trouble::CodeInvalid).words("No such code is kept.");
    let stored = portal.store.code(hash).await?.ok_or_else(unknown)?;
    match judge(&stored, &presented, now_us) {
        Verdict::Exchange => note.passed("code", "It fits, and was not used before."),
        Verdict::Refuse(trouble) => return Err(refused(trouble, &stored, &presented, now_us)),
        Verdict::RefuseAndRevoke(trouble) => {
            end(portal, &stored, now_us).await?;
            return Err(refused(trouble, &stored, &presented, now_us));
        }
    }
    let code = &stored.code;
    let party = portal.store.party(&code.user, &code.application, &code.environment).await?;
    let standing = issue::standing(party, &code.environment, note)?;
    let kind = asked.application.kind;
    let first = Refresh {
        token: refresh::generate(|bytes| portal.random.fill(bytes)),
        expires_at_us: issue::refresh_expires_at_us(kind, now_us),
    };
    let new = refresh::hash(&first.token).map(|hash| NewRefresh { hash, expires_at_us: first.expires_at_us });
    let grant = Grant {
        id: id::make("grant_", 16, portal.random.as_ref()),
        user: code.user.clone(),
        application: Some(code.application.clone()),
        environment: code.environment.clone(),
        scope: code.scope.clone(),
        issued_at_us: now_us,
        expires_at_us: issue::access_expires_at_us(now_us),
        refresh_expires_at_us: None,
        revoked_at_us: None,
    };
    // Nothing is asked for here, so nothing can go beyond.
    let reach = scope::reach(code.scope.as_deref(), standing.connection.scopes.as_deref(), &[], None);
    let subject = Subject {
        application: &asked.application,
        environment: &standing.environment,
        user: Some(&standing.user),
        grant: &grant.id,
        reach: reach.unwrap_or_default(),
    };
    // Made before the code is used up, so that what fails here uses nothing up.
    let body = issue::answer(portal, subject, Some(first), now_us)?;
    match portal.store.exchange_code(hash, &presented, &grant, new, now_us).await? {
        Ok(()) => note.passed("tokens", format!("Given under {}.", grant.id)),
        Err(trouble) => return Err(Refused::plain("code", trouble).words("Another exchange of this code was first.")),
    }
    Ok(body)
}

async fn end(portal: &Portal, stored: &StoredCode, now_us: i64) -> Result<(), Refused> {
    let Some(grant) = &stored.grant else { return Ok(()) };
    match portal.store.revoke_grant(grant, now_us).await {
        // What is forgotten gives nothing any more.
        Ok(()) => revoke::live(portal).await,
        Err(limen_store::StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The answer says what an application may know; the words say which of it is meant.
fn refused(trouble: Trouble, stored: &StoredCode, presented: &CodePresented, now_us: i64) -> Refused {
    let refused = Refused::plain("code", trouble);
    if trouble != Trouble::CodeInvalid {
        return refused;
    }
    let code = &stored.code;
    let ago_s = |at_us: i64| now_us.saturating_sub(at_us).div_euclid(1_000_000);
    refused.words(match stored.used_at_us {
        _ if code.application != presented.application => format!("It was given to application {}.", code.application),
        Some(used_at_us) => format!(
            "It was exchanged {} s ago, for {}.",
            ago_s(used_at_us),
            stored.grant.as_deref().unwrap_or("nothing")
        ),
        None => format!("It expired {} s ago.", ago_s(code.expires_at_us)),
    })
}
