//! `limen issuer …`: other issuers whose tokens are accepted, how old their keys are, and an end to the trust in one.

use limen_portal::wire::{Applied, IssuerLine};
use limen_rules::model::TokenForm;

use super::show::{number, segment, span, time};
use super::table::{sheet, table};
use super::{Context, Trouble};
use crate::arguments::IssuerCommand;

pub(super) fn run(context: &Context, command: IssuerCommand) -> Result<String, Trouble> {
    let path = |name: &str| format!("/v1/issuers/{}", segment(name));
    match command {
        IssuerCommand::List => {
            context.show(context.admin.get("/v1/issuers")?, |lines: Vec<IssuerLine>| match lines.as_slice() {
                [] => {
                    "Only Limen's own tokens are accepted. Others are declared under 'issuers' in limen.yaml.\n".into()
                }
                lines => list(lines),
            })
        }
        IssuerCommand::Show { name } => context.show(context.admin.get(&path(&name))?, |line: IssuerLine| show(&line)),
        IssuerCommand::Remove { name } => context.show(context.admin.delete(&path(&name))?, |_: Applied| {
            format!("Issuer {name} is trusted no longer; its tokens are refused from now on.")
        }),
    }
}

/// Issuers, one to a line.
pub(super) fn list(lines: &[IssuerLine]) -> String {
    let rows = lines.iter().map(|line| {
        let failure = if line.failure.is_some() { "failed last" } else { "ok" };
        vec![line.name.to_string(), line.issuer.clone(), names(&line.environments), keys(line), failure.to_owned()]
    });
    table(&["ISSUER", "ISS", "ENVIRONMENTS", "KEYS", "ASKING"], rows)
}

fn names(names: &[limen_rules::model::Name]) -> String {
    names.iter().map(|one| &**one).collect::<Vec<_>>().join(", ")
}

fn keys(line: &IssuerLine) -> String {
    match (line.keys, line.age_s) {
        (None, _) => "asked about each token".to_owned(),
        (Some(_), None) => "none yet".to_owned(),
        (Some(keys), Some(age_s)) => format!("{keys}, {} old", span(age_s)),
    }
}

fn show(line: &IssuerLine) -> String {
    let is_signed = line.form == TokenForm::Signed;
    let fetches = format!("{} with keys, {} failed", number(line.fetches), number(line.failed_fetches));
    let questions = format!("{} answered, {} not answered", number(line.questions), number(line.unanswered_questions));
    let failure = line.failure.as_ref().map(|words| {
        let at = line.failed_at_us.map(time).unwrap_or_default();
        format!("{at}: {words}")
    });
    sheet(&[
        ("issuer", line.name.to_string()),
        ("iss", line.issuer.clone()),
        ("environments", names(&line.environments)),
        ("apis", if line.apis.is_empty() { "all".to_owned() } else { names(&line.apis) }),
        ("keys", keys(line)),
        ("fetched", line.fetched_at_us.map(time).unwrap_or_default()),
        ("next fetch", line.next_fetch_in_s.map(|seconds| format!("in {}", span(seconds))).unwrap_or_default()),
        ("fetches", if is_signed { fetches } else { String::new() }),
        ("questions", if is_signed { String::new() } else { questions }),
        ("last failure", failure.unwrap_or_default()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_says_how_old_its_keys_are_and_what_failed() {
        let mut line = IssuerLine {
            name: "partner".into(),
            issuer: "https://id.partner.example".into(),
            environments: vec!["north".into()],
            keys: Some(0),
            failed_fetches: 1,
            failed_at_us: Some(0),
            failure: Some("https://id.partner.example/keys answered 503".into()),
            next_fetch_in_s: Some(59),
            ..IssuerLine::default()
        };
        let expected = "\
issuer        partner
iss           https://id.partner.example
environments  north
apis          all
keys          none yet
next fetch    in 59 s
fetches       0 with keys, 1 failed
last failure  1970-01-01 00:00:00Z: https://id.partner.example/keys answered 503
";
        assert_eq!(show(&line), expected);
        (line.keys, line.age_s, line.failure) = (Some(2), Some(3_661), None);
        let expected = "\
ISSUER   ISS                         ENVIRONMENTS  KEYS              ASKING
partner  https://id.partner.example  north         2, 1 h 1 min old  ok
";
        assert_eq!(list(&[line]), expected);
    }
}
