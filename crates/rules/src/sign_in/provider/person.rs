//! Which user the provider's account belongs to.

use super::Person;
use crate::model::User;

/// Why no user is known by the account. The words are for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmatched {
    /// Neither by subject nor, where that counts, by mail address.
    #[error("no user has this external_subject, nor (with link_by_email) this verified mail address")]
    Unknown,
    /// Several are.
    #[error("several users have this mail address or external_subject")]
    Several,
    /// By mail address one is who has another account there.
    #[error("the user with this mail address has another external_subject")]
    OtherAccount,
    /// One is, who was switched off.
    #[error("the user is switched off")]
    Disabled,
}

/// The user whom the account makes known: by the subject recorded for them, else by the verified mail address where
/// that is allowed. A user with a recorded subject is known by nothing else, so that an address that changes hands opens
/// no account that was bound.
///
/// # Errors
/// Why nobody is.
pub fn known_as<'a>(
    users: impl IntoIterator<Item = &'a User>,
    person: &Person,
    link_by_email: bool,
) -> Result<&'a User, Unmatched> {
    let email = person.email.as_deref().filter(|_| link_by_email);
    let (mut by_subject, mut by_email) = (None, None);
    let mut several = false;
    for user in users {
        if user.external_subject.as_deref() == Some(&person.subject) && by_subject.replace(user).is_some() {
            return Err(Unmatched::Several);
        }
        if email.is_some_and(|email| !user.email.is_empty() && user.email.eq_ignore_ascii_case(email)) {
            several |= by_email.replace(user).is_some();
        }
    }
    if let Some(user) = by_subject {
        return enabled(user);
    }
    match by_email {
        None => Err(Unmatched::Unknown),
        Some(_) if several => Err(Unmatched::Several),
        Some(user) if user.external_subject.is_some() => Err(Unmatched::OtherAccount),
        Some(user) => enabled(user),
    }
}

fn enabled(user: &User) -> Result<&User, Unmatched> {
    if user.disabled { Err(Unmatched::Disabled) } else { Ok(user) }
}
