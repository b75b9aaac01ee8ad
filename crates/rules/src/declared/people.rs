//! Whether products, developers, applications, environments, roles and users are right by themselves.

use super::{Problems, policy, shown, sign_in};
use crate::model::{Declared, Product};
use crate::period::Period;
use crate::quota::MAX_FIGURE;

const TITLE_CHARACTERS_MAX: usize = 200;
const TERMS_CHARACTERS_MAX: usize = 20_000;
/// Ten years: what is longer was meant otherwise.
const PERIOD_S_MAX: u64 = 315_360_000;

pub(super) fn check_product(field: &str, product: &Product, problems: &mut Problems) {
    problems.name(format!("{field}.name"), &product.name);
    problems.text(format!("{field}.title"), &product.title, TITLE_CHARACTERS_MAX);
    problems.no_repeats(&format!("{field}.apis"), product.apis.iter().map(|api| &**api));
    if let Some(rate) = product.rate {
        problems.range(format!("{field}.rate.calls"), rate.calls.into(), 1, 1_000_000, "calls");
        problems.range(format!("{field}.rate.window_s"), rate.window_s.into(), 1, 300, "seconds");
    }
    if let Some(quota) = &product.quota {
        if quota.calls.is_none() && quota.bytes.is_none() {
            let mend = "give 'calls', 'bytes' or both, or remove the quota";
            problems.add(format!("{field}.quota"), "limits neither calls nor bytes", mend);
        }
        for (name, value) in [("calls", quota.calls), ("bytes", quota.bytes)] {
            if let Some(value) = value {
                problems.range(format!("{field}.quota.{name}"), value, 1, MAX_FIGURE, name);
            }
        }
        match &quota.period {
            Period::Seconds { seconds } => {
                problems.range(format!("{field}.quota.period_s"), *seconds, 1, PERIOD_S_MAX, "seconds");
            }
            // A zone that exists was found when it was read.
            Period::Calendar { .. } => {}
        }
    }
    if let Some(terms) = &product.terms {
        problems.text(format!("{field}.terms"), terms, TERMS_CHARACTERS_MAX);
    }
}

pub(super) fn check_people(declared: &Declared, problems: &mut Problems) {
    for (at, developer) in declared.developers.iter().enumerate() {
        named(&format!("developers[{at}]"), &developer.name, &developer.title, problems);
        email(format!("developers[{at}].email"), &developer.email, problems);
    }
    for (at, application) in declared.applications.iter().enumerate() {
        named(&format!("applications[{at}]"), &application.name, &application.title, problems);
        sign_in::check_application(&format!("applications[{at}]"), application, problems);
    }
    for (at, environment) in declared.environments.iter().enumerate() {
        named(&format!("environments[{at}]"), &environment.name, &environment.title, problems);
        sign_in::check_environment(&format!("environments[{at}]"), environment, problems);
    }
    for (at, role) in declared.roles.iter().enumerate() {
        named(&format!("roles[{at}]"), &role.name, &role.title, problems);
        for (place, permission) in role.permissions.iter().enumerate() {
            problems.name(format!("roles[{at}].permissions[{place}]"), permission);
        }
        problems.no_repeats(&format!("roles[{at}].permissions"), role.permissions.iter().map(|one| &**one));
    }
    for (at, user) in declared.users.iter().enumerate() {
        named(&format!("users[{at}]"), &user.name, &user.title, problems);
        email(format!("users[{at}].email"), &user.email, problems);
        sign_in::check_user(&format!("users[{at}]"), user, problems);
        policy::check_attributes(&format!("users[{at}].attributes"), &user.attributes, problems);
        for (place, membership) in user.memberships.iter().enumerate() {
            let field = format!("users[{at}].memberships[{place}]");
            policy::check_attributes(&format!("{field}.attributes"), &membership.attributes, problems);
            problems.no_repeats(&format!("{field}.roles"), membership.roles.iter().map(|role| &**role));
            if user.memberships.iter().take(place).any(|earlier| earlier.environment == membership.environment) {
                let message = format!("a second membership in '{}'", shown(&membership.environment));
                problems.add(format!("{field}.environment"), message, "join the roles of both into one membership");
            }
        }
    }
}

fn named(field: &str, name: &str, title: &str, problems: &mut Problems) {
    problems.name(format!("{field}.name"), name);
    problems.text(format!("{field}.title"), title, TITLE_CHARACTERS_MAX);
}

/// Only what could never be an address: the rest is found out by sending mail.
fn email(field: String, address: &str, problems: &mut Problems) {
    let plain = |one: char| !one.is_whitespace() && !one.is_control();
    let whole = address.len() <= 254
        && address.chars().all(plain)
        && address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if !address.is_empty() && !whole {
        problems.add(field, format!("'{}' is not a mail address", shown(address)), "write it like name@example.org");
    }
}
