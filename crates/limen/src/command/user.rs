//! `limen user …` and `limen environment …`: who signs in, and to what they belong.

use limen_portal::wire::{EnvironmentLine, MakeUser, PasswordSet, SetDisabled, SetPassword, UserLine};
use limen_rules::model::Membership;

use super::show::{quoted, segment};
use super::table::{sheet, table};
use super::{Context, Trouble, password};
use crate::arguments::{AddUser, EnvironmentCommand, UserCommand};

pub(super) fn run(context: &Context, command: UserCommand) -> Result<String, Trouble> {
    match command {
        UserCommand::List => context.show(context.admin.get("/v1/users")?, |lines: Vec<UserLine>| list(&lines)),
        UserCommand::Show { name } => context.show(context.admin.get(&path(&name, ""))?, |line| show(&line)),
        UserCommand::Add(asked) => {
            let answer = context.admin.post("/v1/users", &made(asked))?;
            context.show(answer, |line: UserLine| {
                let name = &line.user.name;
                let flag = context.data_dir_flag();
                format!("Made user {name}. Give them a password: limen user password {}{flag}\n", quoted(name))
            })
        }
        UserCommand::Disable { name } => switch(context, &name, true),
        UserCommand::Enable { name } => switch(context, &name, false),
        UserCommand::Password { name, generate } => {
            let told = if generate { None } else { Some(password::read(&name)?) };
            let answer = context.admin.post(&path(&name, "/password"), &SetPassword { password: told })?;
            context.show(answer, |set| set_words(&set, &name))
        }
    }
}

fn path(name: &str, rest: &str) -> String {
    format!("/v1/users/{}{rest}", segment(name))
}

fn made(asked: AddUser) -> MakeUser {
    let whole = format!("{} {}", asked.given_name, asked.family_name);
    let AddUser { roles, administrator, .. } = asked;
    let membership = asked.environment.map(|environment| Membership {
        environment: environment.into(),
        roles: roles.into_iter().map(Into::into).collect(),
        administrator,
        ..Membership::default()
    });
    MakeUser {
        name: asked.name.into(),
        title: asked.title.unwrap_or_else(|| whole.trim().to_owned()),
        email: asked.email,
        given_name: asked.given_name,
        family_name: asked.family_name,
        external_subject: asked.external_subject,
        memberships: membership.into_iter().collect(),
    }
}

fn switch(context: &Context, name: &str, disabled: bool) -> Result<String, Trouble> {
    let answer = context.admin.post(&path(name, "/disabled"), &SetDisabled { disabled })?;
    context.show(answer, |_: serde_json::Value| match disabled {
        true => format!("User {name} is switched off; their sessions and tokens are refused from now on."),
        false => format!("User {name} is switched on again; they sign in anew."),
    })
}

fn set_words(set: &PasswordSet, name: &str) -> String {
    let ended = "What they were signed in with, and what applications were given for them, has ended.";
    match &set.password {
        Some(password) => format!("The new password of {name}, shown this once:\n\n  {password}\n\n{ended}"),
        None => format!("The password of {name} is set. {ended}"),
    }
}

fn list(lines: &[UserLine]) -> String {
    if lines.is_empty() {
        return "There is no user. Make one with: limen user add NAME --environment E --role R\n".into();
    }
    let rows = lines.iter().map(|line| {
        let environments: Vec<&str> = line.user.memberships.iter().map(|one| &*one.environment).collect();
        vec![
            line.user.name.to_string(),
            line.user.title.clone(),
            line.user.email.clone(),
            environments.join(", "),
            if line.password { "yes" } else { "no" }.to_owned(),
            if line.user.disabled { "off" } else { "on" }.to_owned(),
        ]
    });
    table(&["USER", "TITLE", "MAIL", "ENVIRONMENTS", "PASSWORD", "STATE"], rows)
}

fn password(line: &UserLine) -> &'static str {
    match (line.password, &line.user.external_subject) {
        (true, _) => "yes",
        (false, Some(_)) => "none: they sign in through the provider",
        (false, None) => "none: they can't sign in",
    }
}

fn show(line: &UserLine) -> String {
    let user = &line.user;
    let mut rows = vec![
        ("user", user.name.to_string()),
        ("title", user.title.clone()),
        ("given name", user.given_name.clone()),
        ("family name", user.family_name.clone()),
        ("mail", user.email.clone()),
        ("password", password(line).to_owned()),
        ("state", if user.disabled { "off" } else { "on" }.to_owned()),
    ];
    if let Some(subject) = &user.external_subject {
        rows.push(("at the provider", subject.clone()));
    }
    if user.memberships.is_empty() {
        rows.push(("in", "no environment".to_owned()));
    }
    rows.extend(user.memberships.iter().map(|one| {
        let administrator = if one.administrator { "; decides about connections" } else { "" };
        let roles = if one.roles.is_empty() { "no role".to_owned() } else { one.roles.join(", ") };
        ("in", format!("{}: {roles}{administrator}", one.environment))
    }));
    sheet(&rows)
}

pub(super) fn environment(context: &Context, command: EnvironmentCommand) -> Result<String, Trouble> {
    match command {
        EnvironmentCommand::List => {
            context.show(context.admin.get("/v1/environments")?, |lines: Vec<EnvironmentLine>| environments(&lines))
        }
        EnvironmentCommand::Show { name } => {
            let answer = context.admin.get(&format!("/v1/environments/{}", segment(&name)))?;
            context.show(answer, |line| environment_sheet(&line))
        }
    }
}

fn environments(lines: &[EnvironmentLine]) -> String {
    if lines.is_empty() {
        return "There is no environment. Declare one in limen.yaml under 'environments' and apply it.\n".into();
    }
    let rows = lines.iter().map(|line| {
        vec![
            line.environment.name.to_string(),
            line.environment.title.clone(),
            line.environment.legal_entity.clone(),
            line.users.len().to_string(),
            line.applications.join(", "),
        ]
    });
    table(&["ENVIRONMENT", "TITLE", "LEGAL ENTITY", "USERS", "APPLICATIONS"], rows)
}

fn environment_sheet(line: &EnvironmentLine) -> String {
    let one = &line.environment;
    let joined = |names: &[limen_rules::model::Name]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    sheet(&[
        ("environment", one.name.to_string()),
        ("title", one.title.clone()),
        ("legal entity", one.legal_entity.clone()),
        ("its id", one.legal_entity_id.clone().unwrap_or_else(|| one.name.to_string())),
        ("users", joined(&line.users)),
        ("administrators", joined(&line.administrators)),
        ("applications", joined(&line.applications)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_shown_with_what_they_are_where() {
        let line: UserLine = serde_json::from_value(serde_json::json!({
            "name": "bo", "title": "Bo Lind", "email": "bo@example.org", "given_name": "Bo", "disabled": true,
            "memberships": [{"environment": "north", "roles": ["clerk", "boss"], "administrator": true},
                {"environment": "south"}],
            "password": false
        }))
        .expect("a user");
        let expected = "\
user         bo
title        Bo Lind
given name   Bo
mail         bo@example.org
password     none: they can't sign in
state        off
in           north: clerk, boss; decides about connections
in           south: no role
";
        assert_eq!(show(&line), expected);
        assert_eq!(
            list(&[line]),
            "USER  TITLE    MAIL            ENVIRONMENTS  PASSWORD  STATE\nbo    Bo Lind  bo@example.org  north, south  no        off\n"
        );
    }

    #[test]
    fn an_environment_is_shown_with_its_people() {
        let line: EnvironmentLine = serde_json::from_value(serde_json::json!({
            "name": "north", "title": "North", "legal_entity": "North Ltd", "users": ["bo", "mo"],
            "administrators": ["bo"], "applications": []
        }))
        .expect("an environment");
        let expected = "\
environment     north
title           North
legal entity    North Ltd
its id          north
users           bo, mo
administrators  bo
applications    none
";
        assert_eq!(environment_sheet(&line), expected);
        assert!(environments(&[line]).starts_with("ENVIRONMENT  TITLE  LEGAL ENTITY  USERS"));
    }
}
