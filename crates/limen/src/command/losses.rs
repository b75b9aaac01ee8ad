//! What an import doesn't enforce, for people and for programs.

use limen_rules::openapi::{Effect, Loss};
use serde_json::{Value, json};

use super::show::{WIDTH, number, wrapped};

/// So many places of a loss are named for people.
const PLACES_MAX: usize = 2;
/// So many losses are told to people; programs get all.
const LOSSES_MAX: usize = 60;

/// For programs.
pub(super) fn told(losses: &[Loss]) -> Value {
    let one = |loss: &Loss| {
        json!({"effect": loss.effect.word(), "construct": loss.construct, "why": loss.why, "words": loss.words,
            "count": loss.count, "pointers": loss.pointers})
    };
    losses.iter().map(one).collect()
}

/// For people, the heaviest first; empty where everything is enforced.
pub(super) fn words(losses: &[Loss]) -> String {
    let mut text = String::new();
    let headings = [
        (Effect::NotPublished, "Not published: calls to these get 404"),
        (Effect::NotEnforced, "Not enforced: calls that break these reach the service"),
        (Effect::OnlyDescribed, "Only described: stays in the document, changes nothing for calls"),
    ];
    let mut left = LOSSES_MAX;
    for (effect, heading) in headings {
        let all: Vec<&Loss> = losses.iter().filter(|loss| loss.effect == effect).collect();
        if all.is_empty() {
            continue;
        }
        let places: usize = all.iter().map(|loss| loss.count).sum();
        text.push_str(&format!("\n{heading} ({} in {})\n", counted(all.len(), "kind"), counted(places, "place")));
        for loss in all.iter().take(left) {
            let times = if loss.count > 1 { format!(" ({} times)", number(count(loss.count))) } else { String::new() };
            let words = [loss.why.as_str(), loss.words.as_str()].into_iter().filter(|words| !words.is_empty());
            let line = format!("{}{times}: {}", loss.construct, words.collect::<Vec<_>>().join("; "));
            let lines = wrapped(&line, WIDTH - 4);
            text.push_str(&format!("  - {}\n", lines.join("\n    ")));
            for place in loss.pointers.iter().take(PLACES_MAX) {
                text.push_str(&format!("    {place}\n"));
            }
        }
        if all.len() > left {
            text.push_str(&format!("  and {} more; --output json tells all\n", all.len() - left));
        }
        left = left.saturating_sub(all.len());
    }
    text
}

fn counted(of: usize, what: &str) -> String {
    format!("{} {what}{}", number(count(of)), if of == 1 { "" } else { "s" })
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_miss_most_comes_first() {
        let loss = |effect, construct: &str, count| Loss {
            pointers: vec!["/a".into(), "/b".into(), "/c".into()],
            count,
            construct: construct.into(),
            why: "why".into(),
            words: "so".into(),
            effect,
        };
        let told = words(&[loss(Effect::NotPublished, "a path", 1), loss(Effect::OnlyDescribed, "links", 1_200)]);
        let expected = "
Not published: calls to these get 404 (1 kind in 1 place)
  - a path: why; so
    /a
    /b

Only described: stays in the document, changes nothing for calls (1 kind in 1,200 places)
  - links (1,200 times): why; so
    /a
    /b
";
        assert_eq!(told, expected);
        assert_eq!(words(&[]), "");
    }
}
