//! Whether issuers of tokens are right by themselves, and beside each other.

use super::{Problems, shown};
use crate::issuer::PAUSE_MAX_S;
use crate::issuer::introspection::REMEMBER_MAX_S;
use crate::model::{Declared, Introspection, TokenForm, TrustedIssuer};
use crate::sign_in::provider::is_endpoint;
use crate::token::APPLICATION_SUBJECT_PREFIX;

/// So many issuers may there be: each is a label of the metrics.
const ISSUERS_MAX: usize = 64;
const TITLE_CHARACTERS_MAX: usize = 200;
/// Names of claims, audiences, values of roles.
const WORD_CHARACTERS_MAX: usize = 300;
const PREFIX_CHARACTERS_MAX: usize = 64;
const LIST_MAX: usize = 64;
const LIFETIME_MIN_S: u64 = 60;
/// A year: what lives longer is a password.
const LIFETIME_MAX_S: u64 = 31_536_000;

pub(super) fn check(field: &str, issuer: &TrustedIssuer, problems: &mut Problems) {
    problems.name(format!("{field}.name"), &issuer.name);
    problems.text(format!("{field}.title"), &issuer.title, TITLE_CHARACTERS_MAX);
    if !is_endpoint(&issuer.issuer, false) || issuer.issuer.contains('?') {
        let mend = "write it as the issuer's tokens and discovery document do, like https://id.example.org/realm";
        problems.add(format!("{field}.issuer"), format!("'{}' is not an issuer", shown(&issuer.issuer)), mend);
    }
    let range = (LIFETIME_MIN_S, LIFETIME_MAX_S);
    problems.range(format!("{field}.lifetime_max_s"), issuer.lifetime_max_s, range.0, range.1, "seconds");
    problems.range(format!("{field}.jwks_pause_s"), issuer.jwks_pause_s, 1, PAUSE_MAX_S, "seconds");
    check_form(field, issuer, problems);
    check_names(field, issuer, problems);
    check_claims(field, issuer, problems);
}

/// What signed and opaque tokens need.
fn check_form(field: &str, issuer: &TrustedIssuer, problems: &mut Problems) {
    check_list(&format!("{field}.audiences"), &issuer.audiences, problems);
    check_list(&format!("{field}.token_types"), &issuer.token_types, problems);
    if let Some(url) = &issuer.jwks_url {
        check_url(format!("{field}.jwks_url"), url, &issuer.issuer, problems);
    }
    match (issuer.form, &issuer.introspection) {
        (TokenForm::Signed, introspection) => {
            if issuer.audiences.is_empty() {
                let mend = "name what its tokens are for as their 'aud' says it: the name of your API there";
                problems.add(format!("{field}.audiences"), "is empty, so no token would be for us", mend);
            }
            if issuer.token_types.is_empty() {
                let mend = "name what 'typ' its tokens have, like at+jwt or JWT; none for tokens that have none";
                problems.add(format!("{field}.token_types"), "is empty, so no token would be one", mend);
            }
            if introspection.is_some() {
                let mend = "add 'form: opaque', or remove 'introspection'";
                problems.add(format!("{field}.introspection"), "is asked only about opaque tokens", mend);
            }
        }
        (TokenForm::Opaque, None) => {
            let mend = "tell where and how the issuer is asked about its tokens (RFC 7662)";
            problems.add(format!("{field}.introspection"), "is missing, and opaque tokens need it", mend);
        }
        (TokenForm::Opaque, Some(introspection)) => {
            if issuer.jwks_url.is_some() {
                let mend = "remove it, or 'form: opaque'";
                problems.add(format!("{field}.jwks_url"), "opaque tokens are signed by no key", mend);
            }
            check_introspection(&format!("{field}.introspection"), introspection, issuer, problems);
        }
    }
}

fn check_introspection(field: &str, asked: &Introspection, issuer: &TrustedIssuer, problems: &mut Problems) {
    check_url(format!("{field}.url"), &asked.url, &issuer.issuer, problems);
    check_word(format!("{field}.application_id"), &asked.application_id, problems);
    if asked.secret_file.is_empty() {
        let mend = "name the file of the secret that the issuer gave Limen";
        problems.add(format!("{field}.secret_file"), "is empty", mend);
    }
    problems.range(format!("{field}.remember_s"), asked.remember_s, 0, REMEMBER_MAX_S, "seconds");
}

/// Keys and answers in clear are anybody's: they come over TLS wherever the issuer's own address does.
fn check_url(field: String, url: &str, issuer: &str, problems: &mut Problems) {
    if !is_endpoint(url, !issuer.starts_with("http://")) {
        problems.add(field, format!("'{}' is no address that can be asked", shown(url)), "write https://…");
    }
}

fn check_names(field: &str, issuer: &TrustedIssuer, problems: &mut Problems) {
    if issuer.environments.is_empty() {
        let mend = "list the environments that its tokens may name; no others are believed";
        problems.add(format!("{field}.environments"), "is empty, so its tokens would be for nowhere", mend);
    }
    problems.no_repeats(&format!("{field}.environments"), issuer.environments.iter().map(|one| &**one));
    problems.no_repeats(&format!("{field}.apis"), issuer.apis.iter().map(|one| &**one));
    if issuer.environments.len() > 1 && issuer.claims.environment.is_none() {
        let mend = "tell which claim names the environment, or leave one environment";
        problems.add(format!("{field}.claims.environment"), "is missing, and there are several environments", mend);
    }
    let Some(prefix) = &issuer.user_prefix else { return };
    let is_plain = prefix.len() <= PREFIX_CHARACTERS_MAX && prefix.bytes().all(|byte| byte.is_ascii_graphic());
    let field = format!("{field}.user_prefix");
    if !is_plain || prefix.len() < 2 || !prefix.ends_with(':') {
        problems.add(field, format!("'{}' can't be a prefix", shown(prefix)), "write it like 'partner:'");
    } else if prefix.to_ascii_lowercase().starts_with(APPLICATION_SUBJECT_PREFIX) {
        problems.add(field, "is what applications' own names begin with", "choose another, like 'partner:'");
    } else if issuer.claims.roles.is_none() {
        let mend = "tell claims.roles too: nobody of ours has such a name to take roles from";
        problems.add(field, "leaves its users without roles", mend);
    }
}

fn check_claims(field: &str, issuer: &TrustedIssuer, problems: &mut Problems) {
    let claims = &issuer.claims;
    let named = [
        ("user", Some(&claims.user)),
        ("environment", claims.environment.as_ref()),
        ("roles", claims.roles.as_ref()),
        ("application", Some(&claims.application)),
        ("scope", claims.scope.as_ref()),
    ];
    for (name, claim) in named {
        if let Some(claim) = claim {
            check_word(format!("{field}.claims.{name}"), claim, problems);
        }
    }
    if !issuer.roles.is_empty() && claims.roles.is_none() {
        let mend = "tell which claim has the roles, like realm_access.roles, or remove 'roles'";
        problems.add(format!("{field}.claims.roles"), "is missing, and 'roles' says what its values mean", mend);
    }
    for value in issuer.roles.keys() {
        check_word(format!("{field}.roles.{value}"), value, problems);
    }
}

fn check_list(field: &str, list: &[String], problems: &mut Problems) {
    if list.len() > LIST_MAX {
        problems.add(field, format!("{} entries are more than {LIST_MAX}", list.len()), "name fewer");
    }
    for (at, word) in list.iter().enumerate() {
        check_word(format!("{field}[{at}]"), word, problems);
    }
    problems.no_repeats(field, list.iter().map(String::as_str));
}

fn check_word(field: String, word: &str, problems: &mut Problems) {
    if word.trim().is_empty() {
        problems.add(field, "is empty", "write it, or leave it out");
    } else if word.chars().any(char::is_control) {
        problems.add(field, "contains control characters", "remove them");
    } else {
        problems.text(field, word, WORD_CHARACTERS_MAX);
    }
}

/// For each API a token must have one issuer at most.
pub(super) fn check_between(declared: &Declared, problems: &mut Problems) {
    let issuers = &declared.issuers;
    if issuers.len() > ISSUERS_MAX {
        problems.add("issuers", format!("{} issuers are more than {ISSUERS_MAX}", issuers.len()), "remove some");
    }
    let share = |one: &TrustedIssuer, other: &TrustedIssuer| {
        one.apis.is_empty() || other.apis.is_empty() || one.apis.iter().any(|api| other.apis.contains(api))
    };
    for (at, one) in issuers.iter().enumerate() {
        let mut others = issuers.iter().skip(at + 1).filter(|other| share(one, other));
        if let Some(other) = others.clone().find(|other| other.issuer == one.issuer) {
            let message = format!("issuer '{}' is the same for an API of both", shown(&other.name));
            problems.add(format!("issuers[{at}].issuer"), message, "join both into one, or list different 'apis'");
        } else if let Some(other) = others.find(|other| [one, other].iter().all(|one| one.form == TokenForm::Opaque)) {
            let message =
                format!("an API would have to ask '{}' too about a token that names nobody", shown(&other.name));
            problems.add(format!("issuers[{at}].form"), message, "list different 'apis' for issuers of opaque tokens");
        }
    }
}

#[cfg(test)]
mod tests;
