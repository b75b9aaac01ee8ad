//! What was found of targets, for people: a paragraph for each, what concerns several answers told once.

use limen_rules::advice::{Advice, Asked};

use super::super::show::{WIDTH, plain, wrapped};
use super::probing::{Found, FoundAnswer, FoundTarget};

/// So many answers are named where more share an advice.
const NAMED_MAX: usize = 3;

/// The whole text, under the line that tells that the file is good.
pub(super) fn told(lead: &str, found: &Found) -> String {
    if found.targets.is_empty() {
        return lead.to_owned();
    }
    let mut text = format!("{lead}\n\nWhat its targets answer, asked without credentials:\n");
    for target in &found.targets {
        text.push('\n');
        text.push_str(&paragraph(target));
    }
    if found.left_out > 0 {
        text.push_str(&format!("\n{} more requests were left out.\n", found.left_out));
    }
    let any = found.targets.iter().any(|target| target.unreachable.is_some() || !advice(target).is_empty());
    if any {
        text.push_str("\nThis is advice: the file is good. --no-probe asks nobody.\n");
    }
    text
}

fn paragraph(target: &FoundTarget) -> String {
    let mut text = format!("{} at {}\n", plain(&target.api), plain(&target.url));
    if target.skipped {
        text.push_str("  is the sample, which runs inside Limen; it is not asked\n");
        return text;
    }
    if let Some(advice) = &target.unreachable {
        item(&mut text, "", advice);
        return text;
    }
    for answer in &target.answers {
        for line in wrapped(&answered(answer), WIDTH - 2) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    let found = advice(target);
    if found.is_empty() {
        text.push_str("  nothing of this is changed\n");
    }
    for (one, answers) in &found {
        item(&mut text, &format!("{}: ", places(answers, target.answers.len())), one);
    }
    text
}

/// `GET /orders 302 → 500`
fn answered(answer: &FoundAnswer) -> String {
    let status = answer.status.map_or("no answer".to_owned(), |status| status.to_string());
    let leaves = match answer.status {
        Some(status) if status != answer.leaves_as && answer.asked != Asked::Health => {
            format!(" → {}", answer.leaves_as)
        }
        _ => String::new(),
    };
    format!("GET {} {status}{leaves}", answer.path)
}

/// Each advice once, with the answers that it concerns, in the order in which they were asked for.
fn advice(target: &FoundTarget) -> Vec<(&Advice, Vec<&FoundAnswer>)> {
    let mut found: Vec<(&Advice, Vec<&FoundAnswer>)> = Vec::new();
    for answer in &target.answers {
        for one in &answer.advice {
            match found.iter_mut().find(|(known, _)| *known == one) {
                Some((_, answers)) => answers.push(answer),
                None => found.push((one, vec![answer])),
            }
        }
    }
    found
}

fn places(answers: &[&FoundAnswer], all: usize) -> String {
    if answers.len() > 1 && answers.len() == all {
        return "all".to_owned();
    }
    let named: Vec<&str> = answers.iter().take(NAMED_MAX).map(|one| one.path.as_str()).collect();
    let more = match answers.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}

fn item(text: &mut String, place: &str, advice: &Advice) {
    for (at, line) in wrapped(&format!("{place}{}", advice.what), WIDTH - 4).iter().enumerate() {
        text.push_str(&format!("  {} {line}\n", if at == 0 { "-" } else { " " }));
    }
    for (at, line) in wrapped(&advice.mend, WIDTH - 10).iter().enumerate() {
        text.push_str(&format!("    {} {line}\n", if at == 0 { "mend:" } else { "     " }));
    }
}
