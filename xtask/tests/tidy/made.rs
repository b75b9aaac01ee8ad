//! Documents that are made from code: `cargo xtask docs` writes them, and the test holds them to their source.

use std::fmt::Write as _;

use limen_rules::contract::{Cause, Entry, STATUSES};
use limen_rules::metric::{Family, Metric};
use limen_rules::sign_in::look::{PLACES, causes_of_calls, look, troubles};

use crate::tree::root;

/// Tells the test to write instead of compare.
const WRITE: &str = "LIMEN_WRITE_DOCS";

#[test]
fn made_documents_are_those_that_code_makes() {
    for (name, source, made) in [
        ("docs/status-codes.md", "crates/rules/src/contract.rs", status_codes()),
        ("docs/common-auth-issues.md", "crates/rules/src/sign_in/trouble.rs", auth_issues()),
        ("docs/metrics.md", "crates/rules/src/metric.rs", metrics()),
    ] {
        let path = root().join(name);
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, made).unwrap_or_else(|error| panic!("{name} to be written: {error}"));
            continue;
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == made, "{name} is not what {source} says; run: cargo xtask docs");
    }
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

/// What goes wrong with signing in and with credentials, for whoever looks a message up.
fn auth_issues() -> String {
    let mut text = String::from(
        "# Common authentication issues\n\n\
         <!-- Made from crates/rules/src/sign_in/trouble.rs and crates/rules/src/contract.rs; run `cargo xtask docs`\n\
         after a change there. -->\n\n\
         Look for the message or the code that you got. For each: what it looks like, why, and the fix. A running Limen\n\
         has the same on its page `/authentication-issues`, to which every `error_uri`, `help` and error page leads. What\n\
         happened to one request is told by `limen explain ID`; the id is the header `X-Request-Id` of its answer.\n\n\
         | message | code |\n| --- | --- |\n",
    );
    let mut sections = String::new();
    for (told, heading, words) in PLACES {
        let _ = write!(sections, "\n## {heading}\n\n{words}\n");
        for trouble in troubles(told) {
            let entry = trouble.entry();
            let message = entry.message.replace("{}", "…");
            let _ = writeln!(text, "| {message} | [{}](#{}) |", entry.code, entry.code);
            let wire = look(trouble, "https://WEB");
            let _ = write!(
                sections,
                "\n### {}\n\n{message}\n\n```http\n{wire}\n```\n\n- Why: {}\n- The fix: {}\n",
                entry.code, entry.why, entry.mend
            );
        }
    }
    sections.push_str(
        "\n## From a call to an API\n\nA refusal in the contract's form, with `code` and `message`; \
         [status-codes.md](status-codes.md) has all of them.\n",
    );
    for entry in causes_of_calls().map(Cause::entry) {
        let shown = if entry.message.is_empty() { entry.meaning } else { entry.message };
        let _ = writeln!(text, "| {shown} | [{}](#{}) |", entry.code, entry.code);
        let _ = write!(
            sections,
            "\n### {}\n\n{}\n\n```http\nHTTP/1.1 {}\nContent-Type: application/problem+json\n\n\
             {{\"statusCode\":{},\"message\":\"{}\",\"code\":\"{}\",…}}\n```\n\n- Why: {}\n- The fix: {}\n",
            entry.code,
            entry.meaning,
            entry.status,
            entry.status,
            if entry.message.is_empty() { "…" } else { entry.message },
            entry.code,
            entry.why,
            entry.mend
        );
    }
    text + &sections
}

fn metrics() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         <!-- Made from crates/rules/src/metric.rs; run `cargo xtask docs` after a change there. -->\n\n\
         What Limen measures, in the text format that Prometheus reads. It is served at `/metrics` on the admin socket,\n\
         `curl --unix-socket limen-data/admin.sock http://limen/metrics`, and on an address of its own where\n\
         `metrics.listen` names one. The web address, which is public, never has it.\n\n\
         Labels are bounded: of APIs, the first 254 since the start have names of their own, later ones are `other`; a\n\
         call that reached no API has the empty name. The cause is that of [status-codes.md](status-codes.md), empty\n\
         where a call was answered well. A subscription is never a label: the access log has it. 1,024 targets are shown.\n\n\
         | name | kind | labels | says |\n| --- | --- | --- | --- |\n",
    );
    for metric in Metric::ALL {
        let Family { name, kind, labels, meaning } = metric.family();
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(text, "| `{name}` | {} | {} | {meaning} |", kind.word(), labels.join(", "));
    }
    text
}

fn causes(status: u16) -> impl Iterator<Item = &'static Entry> {
    Cause::ALL.into_iter().map(Cause::entry).filter(move |entry| entry.status == status)
}
