//! `limen policy test`: cases of a file, each asked of what is declared, and what came of it.

use std::path::Path;

use limen_rules::model::Declared;
use limen_rules::policy::trial::{self, Question, Tried, Who};
use limen_rules::snapshot::Snapshot;
use serde_json::json;

use super::show::plain;
use super::{Context, Trouble, read, why};
use crate::arguments::Output;
use crate::config::{Case, Flaws, Sources, load, read_cases};

/// Tries every case; where one fails the process ends with 1.
pub(super) fn test(context: &Context, file: &Path, config: Option<&Path>) -> Result<String, Trouble> {
    let cases = read_cases(file).map_err(|flaws| told(&flaws))?;
    let declared: Declared = match config {
        Some(config) => {
            let sources = Sources { file: Some(config), ..Sources::default() };
            load(&sources, Some(&Declared::default())).map_err(|flaws| told(&flaws))?.declared
        }
        None => read(&context.admin.get("/v1/declared")?)?,
    };
    let (declared, snapshot) = why::made_ready(declared);
    let results: Vec<Outcome> = cases
        .list
        .iter()
        .enumerate()
        .map(|(at, case)| {
            try_out(&declared, &snapshot, case).map_err(|(field, message, mend)| cases.flaw(at, field, message, mend))
        })
        .collect::<Result<_, _>>()
        .map_err(|flaws| told(&flaws))?;
    let failed = results.iter().filter(|one| !one.passed).count();
    let shown = match context.output {
        Output::Json => as_json(&cases.list, &results),
        Output::Table => as_words(&cases.list, &results),
    };
    if failed == 0 {
        return Ok(shown);
    }
    let what = format!("{failed} of {} cases failed", results.len());
    Err(Trouble { found: shown, ..Trouble::refused(what, "change the policies, or what the cases expect") })
}

fn told(flaws: &Flaws) -> Trouble {
    Trouble::wrong(flaws.to_string(), "")
}

/// What came of a case.
struct Outcome {
    passed: bool,
    tried: Tried,
}

type Complaint = (&'static str, String, String);

fn try_out(declared: &Declared, snapshot: &Snapshot, case: &Case) -> Result<Outcome, Complaint> {
    let who = match (&case.user, &case.roles) {
        (Some(user), None) => Who::Named(user),
        (None, Some(roles)) => Who::Made { roles, attributes: &case.attributes },
        (Some(_), Some(_)) => {
            return Err((
                "roles",
                "a declared user's roles are declared".into(),
                "tell 'user', or 'roles' with 'attributes'".into(),
            ));
        }
        (None, None) => {
            return Err(("user", "nobody is told".into(), "tell 'user', or 'roles' with 'attributes'".into()));
        }
    };
    if case.user.is_some() && !case.attributes.is_empty() {
        return Err((
            "attributes",
            "a declared user's attributes are declared".into(),
            "tell 'roles' instead of 'user'".into(),
        ));
    }
    let question = Question {
        who,
        api: case.api.as_deref(),
        operation: &case.operation,
        environment: case.environment.as_deref(),
        application: case.application.as_deref(),
        path: &case.path,
        query: &case.query,
        claims: &case.claims,
    };
    let tried = trial::answer(declared, &snapshot.catalog, &question);
    let tried = tried.map_err(|trouble| (trouble.field, trouble.message, trouble.mend))?;
    let is_by = case.by.as_ref().is_none_or(|by| tried.by.contains(by));
    Ok(Outcome { passed: tried.is_allowed() == case.is_allowed && is_by, tried })
}

fn expected(case: &Case) -> String {
    match (case.is_allowed, &case.by) {
        (true, _) => "allow".to_owned(),
        (false, None) => "deny".to_owned(),
        (false, Some(by)) => format!("deny by {by}"),
    }
}

fn found(tried: &Tried) -> String {
    if tried.is_allowed() { "allow".to_owned() } else { format!("deny by {}", tried.by.join(", ")) }
}

fn as_words(cases: &[Case], outcomes: &[Outcome]) -> String {
    let mut shown = String::new();
    for (case, outcome) in cases.iter().zip(outcomes) {
        let sign = if outcome.passed { '✓' } else { '✗' };
        shown.push_str(&plain(&format!("{sign} {}: {}\n", case.name, found(&outcome.tried))));
        if !outcome.passed {
            shown.push_str(&plain(&format!("    expected {}\n", expected(case))));
            let last = outcome.tried.checks.last();
            shown.push_str(&last.map(|one| plain(&format!("    {}: {}\n", one.check, one.words))).unwrap_or_default());
        }
    }
    let passed = outcomes.iter().filter(|one| one.passed).count();
    shown + &format!("{passed} passed, {} failed\n", outcomes.len() - passed)
}

fn as_json(cases: &[Case], outcomes: &[Outcome]) -> String {
    let list: Vec<_> = cases
        .iter()
        .zip(outcomes)
        .map(|(case, outcome)| {
            let why = outcome.tried.checks.last().map(|one| &one.words);
            json!({"name": case.name, "passed": outcome.passed, "expected": expected(case),
            "allowed": outcome.tried.is_allowed(), "by": outcome.tried.by, "why": why})
        })
        .collect();
    let passed = outcomes.iter().filter(|one| one.passed).count();
    json!({"cases": list, "passed": passed, "failed": outcomes.len() - passed}).to_string() + "\n"
}
