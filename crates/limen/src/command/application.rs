//! `limen application …`: registered, looked at, changed; their secrets and logos.

use std::io::Read as _;
use std::path::Path;

use limen_portal::LOGO_FILE_MAX_BYTES;
use limen_portal::wire::{
    ApplicationLine, ChangeApplication, LogoLine, MadeApplication, MadeSecret, MakeApplication, WhichSecret,
};
use limen_rules::model::ApplicationKind;
use limen_rules::record::Which;

use super::show::{number, quoted, segment, time};
use super::subscription::which as name;
use super::table::{sheet, table};
use super::{Context, Trouble};
use crate::arguments::{ApplicationCommand, LogoCommand, SecretCommand};

pub(super) fn run(context: &Context, command: ApplicationCommand) -> Result<String, Trouble> {
    match command {
        ApplicationCommand::List => {
            context.show(context.admin.get("/v1/applications")?, |lines: Vec<ApplicationLine>| list(&lines))
        }
        ApplicationCommand::Show { id } => context.show(context.admin.get(&path(&id, ""))?, |line| show(&line)),
        ApplicationCommand::Add(asked) => {
            let make = MakeApplication {
                name: asked.id.into(),
                title: asked.title,
                developer: asked.developer.map(Into::into),
                organisation: asked.organisation,
                website: asked.website,
                kind: if asked.public { ApplicationKind::Public } else { ApplicationKind::Confidential },
                redirect_uris: asked.redirect_uris,
            };
            let answer = context.admin.post("/v1/applications", &make)?;
            context.show(answer, |made| made_words(&made, &context.data_dir_flag()))
        }
        ApplicationCommand::Change(asked) => {
            let change = ChangeApplication {
                title: asked.title,
                organisation: asked.organisation,
                website: asked.website,
                add_redirect_uris: asked.add_redirect_uris,
                remove_redirect_uris: asked.remove_redirect_uris,
                disabled: None,
            };
            context.show(context.admin.post(&path(&asked.id, "/change"), &change)?, |line| show(&line))
        }
        ApplicationCommand::Remove { id } => context
            .show(context.admin.delete(&path(&id, ""))?, |_: serde_json::Value| {
                format!("Application {id} is gone, with its connections, secrets, logo and tokens.")
            }),
        ApplicationCommand::Disable { id } => switch(context, &id, true),
        ApplicationCommand::Enable { id } => switch(context, &id, false),
        ApplicationCommand::Secret(command) => secret(context, command),
        ApplicationCommand::Logo(command) => logo(context, command),
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/applications/{}{rest}", segment(id))
}

fn switch(context: &Context, id: &str, disabled: bool) -> Result<String, Trouble> {
    let change = ChangeApplication { disabled: Some(disabled), ..ChangeApplication::default() };
    let answer = context.admin.post(&path(id, "/change"), &change)?;
    context.show(answer, |_: serde_json::Value| match disabled {
        true => format!("Application {id} is switched off; its tokens are refused from now on."),
        false => format!("Application {id} is switched on again; its users sign in anew."),
    })
}

fn secret(context: &Context, command: SecretCommand) -> Result<String, Trouble> {
    match command {
        SecretCommand::Regenerate { application, which } => {
            let ask = WhichSecret { which: which.into() };
            let answer = context.admin.post(&path(&application, "/secrets/regenerate"), &ask)?;
            context.show(answer, |made: MadeSecret| {
                format!(
                    "The new {} secret of {application}, shown this once:\n\n  {}\n\nThe old value is no longer good; the other secret is.",
                    name(made.which),
                    made.secret
                )
            })
        }
        SecretCommand::Revoke { application, which } => {
            let ask = WhichSecret { which: which.into() };
            let answer = context.admin.post(&path(&application, "/secrets/revoke"), &ask)?;
            context.show(answer, |left: Vec<serde_json::Value>| {
                let rest = if left.is_empty() { "It has none left." } else { "The other one is." };
                format!("The {} secret of {application} is no longer good. {rest}", name(ask.which))
            })
        }
    }
}

fn logo(context: &Context, command: LogoCommand) -> Result<String, Trouble> {
    match command {
        LogoCommand::Set { application, file } => {
            let answer = context.admin.post_file(&path(&application, "/logo"), picture(&file)?)?;
            context.show(answer, |kept: LogoLine| {
                let LogoLine { width, height, bytes } = kept;
                let bytes = number(bytes as u64);
                format!("The logo of {application} is kept as a PNG of {width} x {height} pixels ({bytes} bytes).")
            })
        }
        LogoCommand::Remove { application } => {
            let answer = context.admin.delete(&path(&application, "/logo"))?;
            context.show(answer, |_: serde_json::Value| format!("Application {application} has no logo any more."))
        }
    }
}

/// The file's bytes, of which no more are read than may be sent.
fn picture(file: &Path) -> Result<Vec<u8>, Trouble> {
    let unread = |error: std::io::Error| {
        Trouble::wrong(format!("{} can't be read: {error}", file.display()), "name a PNG, JPEG or WebP file")
    };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(unread)?;
    opened.take(LOGO_FILE_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() > LOGO_FILE_MAX_BYTES {
        let what = format!("{} has more than 1 MiB", file.display());
        return Err(Trouble::refused(what, "make it smaller; 256 x 256 pixels are kept"));
    }
    Ok(bytes)
}

fn kind(kind: ApplicationKind) -> &'static str {
    match kind {
        ApplicationKind::Confidential => "confidential",
        ApplicationKind::Public => "public",
    }
}

fn list(lines: &[ApplicationLine]) -> String {
    if lines.is_empty() {
        return "There is no application. Register one with: limen application add ID --redirect-uri URI\n".into();
    }
    let rows = lines.iter().map(|line| {
        let one = &line.application;
        let state = if one.disabled { "off" } else { "on" };
        vec![
            one.name.to_string(),
            one.title.clone(),
            kind(one.kind).to_owned(),
            one.developer.to_string(),
            line.environments.join(", "),
            state.to_owned(),
        ]
    });
    table(&["APPLICATION", "TITLE", "KIND", "DEVELOPER", "CONNECTED TO", "STATE"], rows)
}

fn show(line: &ApplicationLine) -> String {
    let one = &line.application;
    let mut rows = vec![
        ("client_id", one.name.to_string()),
        ("title", one.title.clone()),
        ("kind", kind(one.kind).to_owned()),
        ("developer", one.developer.to_string()),
        ("organisation", one.organisation.clone()),
        ("website", one.website.clone()),
        ("state", if one.disabled { "off" } else { "on" }.to_owned()),
        ("logo", if line.logo { "yes" } else { "none" }.to_owned()),
        ("connected to", if line.environments.is_empty() { "nothing".into() } else { line.environments.join(", ") }),
    ];
    if one.redirect_uris.is_empty() {
        rows.push(("redirect URI", "none: nobody can sign in by it".to_owned()));
    }
    rows.extend(one.redirect_uris.iter().map(|uri| ("redirect URI", uri.clone())));
    for (which, words) in [(Which::Primary, "primary secret"), (Which::Secondary, "secondary secret")] {
        let made = line.secrets.iter().find(|secret| secret.which == which);
        let made = made.map(|secret| format!("made {}", time(secret.made_at_us)));
        let none = match one.kind {
            ApplicationKind::Confidential => "none",
            ApplicationKind::Public => "",
        };
        rows.push((words, made.unwrap_or_else(|| none.to_owned())));
    }
    sheet(&rows)
}

fn made_words(made: &MadeApplication, data_dir_flag: &str) -> String {
    let id = &made.application.name;
    let secrets: String =
        made.secrets.iter().map(|secret| format!("  {:<9}  {}\n", name(secret.which), secret.secret)).collect();
    let secrets = match made.secrets.is_empty() {
        true => "It has no secret: it proves itself by PKCE.\n".to_owned(),
        false => format!("The secrets are shown this once:\n{secrets}"),
    };
    format!(
        "Registered application {id}.\n\n{secrets}\nConnect it to an environment: limen connection approve {} ENVIRONMENT{data_dir_flag}\n",
        quoted(id)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str) -> ApplicationLine {
        serde_json::from_value(serde_json::json!({
            "name": "shop", "title": "Shop", "developer": "ada", "kind": kind, "disabled": false,
            "redirect_uris": ["https://a/", "https://b/"], "secrets": [{"which": "primary", "made_at_us": 0}],
            "logo": true, "environments": ["north", "south"]
        }))
        .expect("an application")
    }

    #[test]
    fn an_application_is_shown_without_its_secrets() {
        let expected = "\
client_id         shop
title             Shop
kind              confidential
developer         ada
state             on
logo              yes
connected to      north, south
redirect URI      https://a/
redirect URI      https://b/
primary secret    made 1970-01-01 00:00:00Z
secondary secret  none
";
        assert_eq!(show(&line("confidential")), expected);
        assert!(!show(&ApplicationLine { secrets: Vec::new(), ..line("public") }).contains("secret"));
        assert_eq!(
            list(&[line("public")]),
            "APPLICATION  TITLE  KIND    DEVELOPER  CONNECTED TO  STATE\nshop         Shop   public  ada        north, south  on\n"
        );
        assert!(list(&[]).contains("limen application add"));
    }

    #[test]
    fn new_secrets_are_shown_once_with_the_next_step() {
        let secrets = [Which::Primary, Which::Secondary].map(|which| MadeSecret { which, secret: "s".into() });
        let mut made = MadeApplication { application: line("confidential").application, secrets: secrets.into() };
        assert_eq!(
            made_words(&made, " --data-dir d"),
            "Registered application shop.\n\nThe secrets are shown this once:\n  primary    s\n  secondary  s\n\n\
             Connect it to an environment: limen connection approve shop ENVIRONMENT --data-dir d\n"
        );
        made.secrets.clear();
        assert!(made_words(&made, "").contains("PKCE"));
    }
}
