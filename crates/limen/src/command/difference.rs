//! What changes for callers, in words; and `limen api diff`.

use limen_portal::wire::ApiLine;
use limen_rules::model::Api;
use limen_rules::openapi::Wanted;
use limen_rules::openapi::diff::{Change, Difference, Weight, diff};

use super::show::{WIDTH, plain, segment, wrapped};
use super::{Context, Trouble, document, read};
use crate::arguments::Output;

/// Changes of each weight that people are shown; programs get all.
const SHOWN_MAX: usize = 100;

/// `limen api diff`
pub(super) fn run(
    context: &Context,
    place: &str,
    newer: Option<&str>,
    name: Option<&str>,
    base_path: Option<&str>,
) -> Result<String, Trouble> {
    let (before, after) = match newer {
        Some(newer) => (document::alone(place)?, document::alone(newer)?),
        None => {
            let document = document::read(place)?;
            let before = published(context, name, base_path)?;
            let wanted = Wanted { name: before.name.clone(), existing: Some(before.clone()), ..Wanted::default() };
            (before, document::import(place, &document, &wanted)?.api)
        }
    };
    let difference = diff(&before, &after);
    let mut told = match context.output {
        Output::Json => serde_json::to_string(&difference)
            .map_err(|error| Trouble::refused(format!("the differences can't be written: {error}"), "report this"))?,
        Output::Table if difference.is_empty() => "Nothing changes for callers.".to_owned(),
        Output::Table => words(&difference),
    };
    if difference.breaking == 0 {
        return Ok(told);
    }
    if !told.ends_with('\n') {
        told.push('\n');
    }
    let what = format!("{} may break those who call today", counted(difference.breaking));
    Err(Trouble { found: told, ..Trouble::refused(what, "") })
}

/// The published API of that name or at that path.
pub(super) fn published(context: &Context, name: Option<&str>, base_path: Option<&str>) -> Result<Api, Trouble> {
    let lines: Vec<ApiLine> = read(&context.admin.get("/v1/apis")?)?;
    let Some(name) = name.map(str::to_owned).or_else(|| base_path.and_then(|path| at(&lines, path))) else {
        let (what, mend) = match base_path {
            Some(path) => (format!("nothing is published at '{path}'"), "list what is published with: limen api list"),
            None => (
                "it isn't told which API is meant".to_owned(),
                "tell it with --name or --base-path, or name two documents",
            ),
        };
        return Err(Trouble::wrong(what, mend));
    };
    read(&context.admin.get_declared(&format!("/v1/apis/{}", segment(&name)))?)
}

/// The name of the API at a base path.
pub(super) fn at(lines: &[ApiLine], base_path: &str) -> Option<String> {
    let wanted = base_path.trim_end_matches('/');
    lines.iter().find(|line| line.base_path == wanted).map(|line| line.name.to_string())
}

/// What changes, what breaks callers first.
pub(super) fn words(difference: &Difference) -> String {
    let mut text = String::new();
    let headings = [
        (Weight::Breaking, difference.breaking, "BREAKING: calls that work today may fail"),
        (Weight::Other, difference.other, "Other changes: calls that work today go on working"),
        (Weight::Described, difference.described, "Only in what people read"),
    ];
    for (weight, count, heading) in headings.into_iter().filter(|(_, count, _)| *count > 0) {
        text.push_str(&format!("{heading} ({count})\n"));
        let all = difference.changes.iter().filter(|change| change.weight == weight);
        let shown: Vec<&Change> = all.take(SHOWN_MAX).collect();
        for change in &shown {
            text.push_str(&line(change));
        }
        if count > shown.len() {
            text.push_str(&format!("  and {} more; --output json tells more\n", count - shown.len()));
        }
    }
    text
}

fn line(change: &Change) -> String {
    let place = if change.place.is_empty() { String::new() } else { format!(", {}", change.place) };
    let mut line = format!("{}{place}: {}", change.subject, change.words);
    if let Some(first) = change.operations.first() {
        let more = change.operations_count.saturating_sub(1);
        line.push_str(&if more > 0 { format!("; in {first} and {more} more") } else { format!("; in {first}") });
    }
    format!("  - {}\n", wrapped(&plain(&line), WIDTH - 4).join("\n    "))
}

/// `1 change`, `2 changes`.
pub(super) fn counted(count: usize) -> String {
    format!("{count} change{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_is_told_first_and_loudest() {
        let change = |weight, subject: &str, place: &str, reaches: usize| Change {
            weight,
            subject: subject.into(),
            place: place.into(),
            words: "differs".into(),
            operations: (0..reaches.min(3)).map(|at| format!("GET /{at}")).collect(),
            operations_count: reaches,
        };
        let changes = vec![
            change(Weight::Breaking, "schema Pet", "/name", 4),
            change(Weight::Breaking, "schema Toy", "", 1),
            change(Weight::Described, "GET /a", "", 0),
        ];
        let expected = "\
BREAKING: calls that work today may fail (2)
  - schema Pet, /name: differs; in GET /0 and 3 more
  - schema Toy: differs; in GET /0
Only in what people read (120)
  - GET /a: differs
  and 119 more; --output json tells more
";
        assert_eq!(words(&Difference { breaking: 2, other: 0, described: 120, changes }), expected);
    }
}
