//! Users and environments: who may sign in, with which password, and to what they belong.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::nearest;
use limen_rules::model::{Declared, Environment, User};
use limen_rules::sign_in::secret::{check_password, generate_password};

use super::failure::AdminFailure;
use super::read::{Named, Read};
use super::{Admin, Answered};
use crate::audit::Who;
use crate::password::PasswordFault;
use crate::wire::{EnvironmentLine, MakeUser, PasswordSet, SetDisabled, SetPassword, UserLine};

/// `GET /v1/users`
pub(super) async fn list(State(admin): State<Admin>) -> Answered<Vec<UserLine>> {
    let declared = admin.portal.store.declared().await?;
    let mut lines = Vec::with_capacity(declared.users.len());
    for user in declared.users {
        lines.push(line(&admin, user).await?);
    }
    Ok(Json(lines))
}

/// `GET /v1/users/NAME`
pub(super) async fn show(State(admin): State<Admin>, Named(name): Named) -> Answered<UserLine> {
    let declared = admin.portal.store.declared().await?;
    let line = line(&admin, user(&declared, &name)?.clone()).await?;
    Ok(Json(line))
}

async fn line(admin: &Admin, user: User) -> Result<UserLine, AdminFailure> {
    let password = admin.portal.store.password(&user.name).await?.is_some();
    Ok(UserLine { user, password })
}

fn user<'d>(declared: &'d Declared, name: &str) -> Result<&'d User, AdminFailure> {
    declared.users.iter().find(|one| *one.name == *name).ok_or_else(|| {
        AdminFailure::not_there("user", name, nearest(name, declared.users.iter().map(|one| &*one.name)))
    })
}

/// `POST /v1/users`
pub(super) async fn make(State(admin): State<Admin>, who: Who, Read(asked): Read<MakeUser>) -> Answered<UserLine> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    if declared.users.iter().any(|one| one.name == asked.name) {
        return Err(AdminFailure::conflict(
            format!("There is a user '{}' already.", asked.name),
            "Choose another name, or change that one in limen.yaml and apply it.",
        ));
    }
    let user = User {
        name: asked.name,
        title: asked.title,
        email: asked.email,
        given_name: asked.given_name,
        family_name: asked.family_name,
        external_subject: asked.external_subject,
        disabled: false,
        memberships: asked.memberships,
        ..User::default()
    };
    let newer = Declared { users: vec![user.clone()], ..Declared::default() };
    admin.declare(&newer, &declared, "users[0]").await?;
    who.did("make user", &user.name);
    admin.live().await?;
    Ok(Json(line(&admin, user).await?))
}

/// `POST /v1/users/NAME/disabled`: switched off, they lose sessions and tokens too.
pub(super) async fn disable(
    State(admin): State<Admin>,
    who: Who,
    Named(name): Named,
    Read(asked): Read<SetDisabled>,
) -> Answered<UserLine> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    let changed = User { disabled: asked.disabled, ..user(&declared, &name)?.clone() };
    let newer = Declared { users: vec![changed.clone()], ..Declared::default() };
    admin.declare(&newer, &declared, "users[0]").await?;
    who.did(if asked.disabled { "disable user" } else { "enable user" }, &name);
    admin.live().await?;
    Ok(Json(line(&admin, changed).await?))
}

/// `POST /v1/users/NAME/password`: what they were signed in with, and were given, ends.
pub(super) async fn set_password(
    State(admin): State<Admin>,
    who: Who,
    Named(name): Named,
    Read(asked): Read<SetPassword>,
) -> Answered<PasswordSet> {
    user(&admin.portal.store.declared().await?, &name)?;
    let (password, told) = match asked.password {
        Some(password) => (password, None),
        None => {
            let made = generate_password(|bytes| admin.portal.random.fill(bytes));
            (made.clone(), Some(made))
        }
    };
    check_password(&password).map_err(|(message, mend)| AdminFailure::wrong(message, mend))?;
    // Hashing takes long, and is done before the turn to write.
    let phc = admin.portal.memory.passwords.hash(&password, &*admin.portal.random).await.map_err(unhashed)?;
    let _turn = admin.turn().await;
    admin.portal.store.set_password(&name, &phc, None, admin.now_us()).await?;
    admin.portal.memory.attempts.forget(&format!("user:{name}"));
    who.did("set password", &name);
    admin.live().await?;
    Ok(Json(PasswordSet { password: told }))
}

fn unhashed(fault: PasswordFault) -> AdminFailure {
    match fault {
        PasswordFault::Busy => {
            AdminFailure::conflict("Too many people are signing in just now.", "Try again in a minute.")
        }
        PasswordFault::Unmade => AdminFailure::fault(&fault),
    }
}

/// `GET /v1/environments`
pub(super) async fn environments(State(admin): State<Admin>) -> Answered<Vec<EnvironmentLine>> {
    let declared = admin.portal.store.declared().await?;
    Ok(Json(declared.environments.iter().map(|one| environment_line(&declared, one)).collect()))
}

/// `GET /v1/environments/NAME`
pub(super) async fn environment(State(admin): State<Admin>, Named(name): Named) -> Answered<EnvironmentLine> {
    let declared = admin.portal.store.declared().await?;
    let found = declared.environments.iter().find(|one| one.name == name).ok_or_else(|| {
        AdminFailure::not_there(
            "environment",
            &name,
            nearest(&name, declared.environments.iter().map(|one| &*one.name)),
        )
    })?;
    Ok(Json(environment_line(&declared, found)))
}

fn environment_line(declared: &Declared, environment: &Environment) -> EnvironmentLine {
    let members = || {
        let of_user = |user| move |membership| (user, membership);
        declared.users.iter().flat_map(move |user: &User| user.memberships.iter().map(of_user(user)))
    };
    let here = || members().filter(|(_, membership)| membership.environment == environment.name);
    let connections = declared.connections.iter().filter(|one| one.environment == environment.name);
    EnvironmentLine {
        environment: environment.clone(),
        users: here().map(|(user, _)| user.name.clone()).collect(),
        administrators: here().filter(|(_, one)| one.administrator).map(|(user, _)| user.name.clone()).collect(),
        applications: connections.map(|one| one.application.clone()).collect(),
    }
}
