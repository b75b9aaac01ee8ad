//! Documents that are made from code: `cargo xtask docs` writes them, and the test holds them to their source.

use std::fmt::Write as _;

use limen_rules::contract::{Cause, Entry, STATUSES};

use crate::tree::root;

/// Tells the test to write instead of compare.
const WRITE: &str = "LIMEN_WRITE_DOCS";

#[test]
fn made_documents_are_those_that_code_makes() {
    let path = root().join("docs/status-codes.md");
    let made = status_codes();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, made).expect("docs/status-codes.md to be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/status-codes.md is not what crates/rules/src/contract.rs says; run: cargo xtask docs");
}

/// What a status says to whoever gets it.
fn says(status: u16) -> &'static str {
    match status {
        200 => "It worked: read the body and the headers. A create answers with the new record's `id`.",
        400 => "The request is wrong, and sending it again unchanged will not help.",
        401 => "The subscription key or the access token is missing, wrong, inactive or expired.",
        403 => "You are known, and this is not for you, or the subscription's quota is used up.",
        404 => "There is no such record, or no such URL.",
        415 => "The body came in a form that the operation doesn't read.",
        429 => "The subscription's rate limit is exceeded: wait as long as `Retry-After` says.",
        500 => "Our fault. The body has the id to tell us.",
        503 => "Closed, down or too slow just now: wait as long as `Retry-After` says.",
        _ => "",
    }
}

fn status_codes() -> String {
    let mut text = String::from(
        "# Status codes\n\n\
         <!-- Made from crates/rules/src/contract.rs; run `cargo xtask docs` after a change there. -->\n\n\
         What Limen answers, and why. An answer that leaves an API has one of nine statuses; each refusal names its\n\
         cause in the member `code`. 4xx: the caller can mend it. 5xx: we must. The same table is behind the pages\n\
         `/errors/CODE` of a running Limen.\n\n| status | says | codes |\n| --- | --- | --- |\n",
    );
    for status in STATUSES {
        let codes: Vec<String> = causes(status).map(|entry| format!("[{}](#{})", entry.code, entry.code)).collect();
        let _ = writeln!(text, "| {status} | {} | {} |", says(status), codes.join(", "));
    }
    for status in STATUSES.into_iter().filter(|status| causes(*status).next().is_some()) {
        let _ = write!(text, "\n## {status}\n");
        for entry in causes(status) {
            let _ = write!(text, "\n### {}\n\n{}\n\n", entry.code, entry.meaning);
            if !entry.message.is_empty() {
                let _ = writeln!(text, "- Message: `{}`", entry.message);
            }
            let _ = writeln!(text, "- Why: {}", entry.why);
            let _ = writeln!(text, "- What to do: {}", entry.mend);
            if entry.code == Cause::ServiceRefused.code() {
                text.push_str("- Its status is the service's own where the contract has it, else 400.\n");
            }
        }
    }
    text
}

fn causes(status: u16) -> impl Iterator<Item = &'static Entry> {
    Cause::ALL.into_iter().map(Cause::entry).filter(move |entry| entry.status == status)
}
