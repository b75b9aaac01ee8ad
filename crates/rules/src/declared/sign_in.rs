//! Whether what sign-in needs is right by itself: applications, what is told of people, connections.

use std::collections::HashSet;

use super::redirect::{check_redirect_uri, check_website};
use super::{Problems, shown};
use crate::model::{Application, ApplicationKind, Connection, Declared, Environment, User};

/// So many addresses may users of one application be sent back to.
const REDIRECT_URIS_MAX: usize = 20;
const TEXT_CHARACTERS_MAX: usize = 200;
/// Given and family names.
const NAME_CHARACTERS_MAX: usize = 100;
/// The longest `sub` (OpenID Connect Core §2).
const SUBJECT_MAX_BYTES: usize = 255;

pub(super) fn check_application(field: &str, application: &Application, problems: &mut Problems) {
    // Ids go where RFC 6749 and older callers allow letters, digits, '-' and '_' alone.
    if application.name.contains('.') {
        let message = format!("'{}' has a '.', which the id of an application can't have", shown(&application.name));
        problems.add(format!("{field}.name"), message, "use '-' or '_' instead");
    }
    problems.text(format!("{field}.organisation"), &application.organisation, TEXT_CHARACTERS_MAX);
    if !application.website.is_empty() {
        problems.take(format!("{field}.website"), check_website(&application.website).err());
    }
    let uris = &application.redirect_uris;
    if uris.len() > REDIRECT_URIS_MAX {
        let message = format!("{} redirect URIs are more than {REDIRECT_URIS_MAX}", uris.len());
        problems.add(format!("{field}.redirect_uris"), message, "make an application for each program");
    }
    for (at, uri) in uris.iter().enumerate() {
        problems.take(format!("{field}.redirect_uris[{at}]"), check_redirect_uri(uri).err());
    }
    problems.no_repeats(&format!("{field}.redirect_uris"), uris.iter().map(String::as_str));
}

pub(super) fn check_environment(field: &str, environment: &Environment, problems: &mut Problems) {
    problems.text(format!("{field}.legal_entity"), &environment.legal_entity, TEXT_CHARACTERS_MAX);
    if let Some(id) = &environment.legal_entity_id {
        let field = format!("{field}.legal_entity_id");
        if id.trim().is_empty() {
            problems.add(
                field,
                "is empty",
                "tell the id, or remove the field: then the environment's name stands for it",
            );
        } else {
            problems.text(field, id, NAME_CHARACTERS_MAX);
        }
    }
}

pub(super) fn check_user(field: &str, user: &User, problems: &mut Problems) {
    problems.text(format!("{field}.given_name"), &user.given_name, NAME_CHARACTERS_MAX);
    problems.text(format!("{field}.family_name"), &user.family_name, NAME_CHARACTERS_MAX);
    let fits = |text: &str| (1..=SUBJECT_MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if let Some(subject) = user.external_subject.as_deref().filter(|subject| !fits(subject)) {
        let message = format!("'{}' can't be a subject", shown(subject));
        let mend = "copy 'sub' as the provider tells it, 1 to 255 bytes long";
        problems.add(format!("{field}.external_subject"), message, mend);
    }
}

pub(super) fn check_connections(declared: &Declared, problems: &mut Problems) {
    let mut pairs = HashSet::new();
    for (at, connection) in declared.connections.iter().enumerate() {
        let field = format!("connections[{at}]");
        if !pairs.insert((&connection.application, &connection.environment)) {
            let message = format!(
                "a second connection of '{}' with '{}'",
                shown(&connection.application),
                shown(&connection.environment)
            );
            problems.add(&field, message, "join both into one");
        }
        check_connection(&field, connection, problems);
    }
}

fn check_connection(field: &str, connection: &Connection, problems: &mut Problems) {
    if let Some(scopes) = &connection.scopes {
        if scopes.is_empty() {
            let mend = "name permissions, or remove 'scopes' to allow all that the users may do";
            problems.add(format!("{field}.scopes"), "is empty, so nothing would be allowed", mend);
        }
        problems.no_repeats(&format!("{field}.scopes"), scopes.iter().map(|one| &**one));
    }
    problems.no_repeats(&format!("{field}.own_roles"), connection.own_roles.iter().map(|one| &**one));
}

/// What connections and users say of others: a public application can't act for itself, a mail address or an account
/// at the sign-in provider is one user's.
pub(super) fn check_between(declared: &Declared, problems: &mut Problems) {
    for (at, connection) in declared.connections.iter().enumerate() {
        let application = declared.applications.iter().find(|one| one.name == connection.application);
        let is_public = application.is_some_and(|one| one.kind == ApplicationKind::Public);
        if is_public && !connection.own_roles.is_empty() {
            let message =
                format!("'{}' is public and has no secret to act for itself with", shown(&connection.application));
            problems.add(
                format!("connections[{at}].own_roles"),
                message,
                "remove 'own_roles', or use a confidential application",
            );
        }
    }
    let (mut addresses, mut subjects) = (HashSet::new(), HashSet::new());
    // From the end, so that it is told at the earlier one: in a merged list the later one may be in the store.
    for (at, user) in declared.users.iter().enumerate().rev() {
        if !user.email.is_empty() && !addresses.insert(user.email.to_lowercase()) {
            let message = format!("'{}' is another user's too, and users may sign in with it", shown(&user.email));
            problems.add(format!("users[{at}].email"), message, "give each user an address of their own, or none");
        }
        if let Some(subject) = user.external_subject.as_deref().filter(|subject| !subjects.insert(*subject)) {
            let message = format!("'{}' is another user's too", shown(subject));
            let mend = "an account at the provider belongs to one user; remove it from the other";
            problems.add(format!("users[{at}].external_subject"), message, mend);
        }
    }
}
