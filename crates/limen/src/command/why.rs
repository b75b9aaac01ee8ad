//! `limen why`: whether somebody may perform an operation, check by check, without a call.

use limen_portal::wire::Check;
use limen_rules::model::Declared;
use limen_rules::policy::trial::{self, Question, Tried, Unanswerable, Who};
use limen_rules::record::Directory;
use limen_rules::snapshot::Snapshot;
use limen_rules::token::Issuer;
use serde_json::{Map, Value, json};

use super::show::plain;
use super::{Context, Trouble, explain, read};
use crate::arguments::{Output, Why};

pub(super) fn run(context: &Context, asked: Why) -> Result<String, Trouble> {
    once("--path", &asked.path)?;
    once("--query", &asked.query)?;
    once("--claim", &asked.claim)?;
    let declared: Declared = read(&context.admin.get("/v1/declared")?)?;
    let tried = answer(declared, &asked).map_err(|trouble| told(&trouble))?;
    let verdict = verdict(&asked, &tried);
    let checks = checks(&tried);
    Ok(match context.output {
        Output::Json => json!({"allowed": tried.is_allowed(), "by": tried.by, "checks": checks}).to_string(),
        Output::Table => format!("{}\n\n{}", plain(&verdict), explain::chain(&checks)),
    })
}

/// Each name once: a call in which a parameter stands twice is refused where a policy reads it.
fn once(flag: &str, pairs: &[(String, String)]) -> Result<(), Trouble> {
    let twice = pairs.iter().enumerate().find(|(at, (name, _))| pairs.iter().take(*at).any(|(other, _)| other == name));
    match twice {
        Some((_, (name, _))) => Err(Trouble::wrong(
            format!("{flag} {name} is given twice"),
            "ask about one value at a time: a call with both is answered 400 where a policy reads it",
        )),
        None => Ok(()),
    }
}

fn answer(declared: Declared, asked: &Why) -> Result<Tried, Unanswerable> {
    let texts = |pairs: &[(String, String)]| {
        pairs.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect::<Map<_, _>>()
    };
    let claim = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let claims = asked.claim.iter().map(|(name, value)| (name.clone(), claim(value))).collect();
    let (path, query) = (texts(&asked.path), texts(&asked.query));
    let question = Question {
        who: Who::Named(&asked.user),
        api: asked.api.as_deref(),
        operation: &asked.operation,
        environment: asked.environment.as_deref(),
        application: asked.application.as_deref(),
        path: &path,
        query: &query,
        claims: &claims,
    };
    let (declared, snapshot) = made_ready(declared);
    trial::answer(&declared, &snapshot.catalog, &question)
}

/// What is declared, and the picture that calls would be decided from.
pub(super) fn made_ready(declared: Declared) -> (Declared, Snapshot) {
    let directory = Directory { declared, ..Directory::default() };
    let snapshot = Snapshot::new(0, &directory, Issuer::default());
    (directory.declared, snapshot)
}

fn told(trouble: &Unanswerable) -> Trouble {
    let flag = |name: &str| match name {
        "path" => format!("--path {}", trouble.mend.trim_start_matches("tell it: ")),
        _ => trouble.mend.clone(),
    };
    Trouble::refused(trouble.message.clone(), flag(trouble.field))
}

fn verdict(asked: &Why, tried: &Tried) -> String {
    let Why { user, operation, .. } = asked;
    match tried.is_allowed() {
        true => format!("{user} may perform {operation}."),
        false => format!("{user} may not perform {operation}: refused by {}.", tried.by.join(", ")),
    }
}

fn checks(tried: &Tried) -> Vec<Check> {
    let check = |one: &trial::TriedCheck| Check {
        check: one.check.to_owned(),
        outcome: if one.passed { "passed" } else { "refused" }.to_owned(),
        words: one.words.clone(),
    };
    tried.checks.iter().map(check).collect()
}
