//! Asks targets: what for, in which order, how many at a time. What an answer is worth is `limen_rules::advice`'s.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use limen_gateway::targets::probe::{Bounds, Silence, probe};
use limen_rules::advice::{Advice, Answered, Asked, judge};
use limen_rules::contract::Cause;
use limen_rules::model::{Api, Declared, Name, Operation, SAMPLE_TARGET};
use limen_rules::target::Target;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::Trouble;

/// Requests in all; more are left out, and that is told.
const REQUESTS_MAX: usize = 64;
/// Requests under way at a time.
const AT_ONCE_MAX: usize = 4;
/// Operations of an API that are asked.
const OPERATIONS_MAX: usize = 10;
const BOUNDS: Bounds = Bounds { connect_timeout_ms: 2_000, answer_timeout_ms: 5_000, body_max_bytes: 1 << 20 };

/// All that is to be asked.
pub(super) struct Asking {
    places: Vec<Place>,
    questions: Vec<Question>,
    left_out: usize,
}

/// A target of an API.
struct Place {
    api: Arc<Api>,
    url: String,
    /// None for the sample, which runs inside Limen.
    target: Option<Arc<Target>>,
    public_base: Arc<str>,
}

/// A GET to one of the places.
#[derive(Clone)]
struct Question {
    place: usize,
    asked: Asked,
    operation: Option<Name>,
    path: String,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) targets: Vec<FoundTarget>,
    /// Requests that were not made, as there were too many.
    pub(super) left_out: usize,
}

/// What was found of a target.
#[derive(Debug, Serialize)]
pub(super) struct FoundTarget {
    pub(super) api: Name,
    pub(super) url: String,
    /// Whether it was not asked: it is the sample.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) skipped: bool,
    /// Why it can't be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unreachable: Option<Advice>,
    pub(super) answers: Vec<FoundAnswer>,
}

/// What was found of an answer.
#[derive(Debug, Serialize)]
pub(super) struct FoundAnswer {
    pub(super) asked: Asked,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<Name>,
    pub(super) path: String,
    /// The service's; none where it didn't answer.
    pub(super) status: Option<u16>,
    /// What callers get in the strict contract.
    pub(super) leaves_as: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    pub(super) advice: Vec<Advice>,
}

/// What became of one question.
enum Heard {
    Answer(FoundAnswer),
    Unreachable(Advice),
}

impl Asking {
    /// The roots of all targets first, so that each is asked at least once.
    pub(super) fn of(declared: &Declared, gateway_url: &str) -> Self {
        let (mut places, mut roots, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for api in &declared.apis {
            let api = Arc::new(api.clone());
            for url in api.target_urls() {
                let target = if url == SAMPLE_TARGET {
                    None
                } else {
                    // What can't be read was refused with the file.
                    let Ok(target) = Target::with_tls(url, api.target_tls.as_ref()) else { continue };
                    Some(Arc::new(target))
                };
                let mut asked = target.as_ref().map(|target| questions(&api, target, places.len())).unwrap_or_default();
                others.extend(asked.split_off(asked.len().min(1)));
                roots.append(&mut asked);
                let public_base = format!("{gateway_url}{}", api.base_path.trim_end_matches('/')).into();
                places.push(Place { api: Arc::clone(&api), url: url.to_owned(), target, public_base });
            }
        }
        roots.append(&mut others);
        let left_out = roots.len().saturating_sub(REQUESTS_MAX);
        roots.truncate(REQUESTS_MAX);
        Self { places, questions: roots, left_out }
    }
}

/// What a target is asked for, its root first.
fn questions(api: &Api, target: &Target, place: usize) -> Vec<Question> {
    let below = |rest: &str| {
        let path = format!("{}{}", target.path, rest.trim_end_matches('/'));
        if path.is_empty() { "/".to_owned() } else { path }
    };
    let mut all = vec![Question { place, asked: Asked::Root, operation: None, path: below("") }];
    if let Some(health) = &api.health {
        all.push(Question { place, asked: Asked::Health, operation: None, path: health.path.clone() });
    }
    for operation in api.operations.iter().filter(|one| is_plain(one)).take(OPERATIONS_MAX) {
        let question = Question {
            place,
            asked: Asked::Operation,
            operation: Some(operation.name.clone()),
            path: below(&operation.path),
        };
        match all.iter_mut().find(|one| one.asked == Asked::Root && one.path == question.path) {
            Some(root) => *root = question,
            None => all.push(question),
        }
    }
    all
}

/// Whether a GET without anything is a call of the operation.
fn is_plain(operation: &Operation) -> bool {
    operation.method == "GET" && !operation.path.contains('{') && !operation.parameters.iter().any(|one| one.required)
}

/// Asks, and tells a terminal how far it is.
pub(super) fn run(asking: Asking, tells: bool) -> Result<Found, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Trouble::wrong(format!("targets can't be asked: {error}"), "use --no-probe"))?;
    let found = runtime.block_on(ask_all(asking, tells && std::io::stderr().is_terminal()));
    // A resolver that hangs is left behind.
    runtime.shutdown_background();
    Ok(found)
}

async fn ask_all(asking: Asking, tells: bool) -> Found {
    let Asking { places, questions, left_out } = asking;
    let places: Arc<[Place]> = places.into();
    let mut targets: Vec<FoundTarget> = places
        .iter()
        .map(|place| FoundTarget {
            api: place.api.name.clone(),
            url: place.url.clone(),
            skipped: place.target.is_none(),
            unreachable: None,
            answers: Vec::new(),
        })
        .collect();
    let all = questions.len();
    let mut progress = Progress { tells, done: 0, all };
    let firsts = questions.iter().map(|one| one.place).collect::<std::collections::HashSet<_>>().len();
    let mut questions = questions;
    let others = questions.split_off(firsts);
    for round in [questions, others] {
        let round: Vec<Question> = round.into_iter().filter(|one| is_reachable(&targets, one)).collect();
        for (question, heard) in ask(&places, round, &mut progress).await {
            let Some(target) = targets.get_mut(question.place) else { continue };
            match heard {
                Heard::Answer(answer) => target.answers.push(answer),
                Heard::Unreachable(advice) => target.unreachable = Some(advice),
            }
        }
    }
    progress.end();
    Found { targets, left_out }
}

fn is_reachable(targets: &[FoundTarget], question: &Question) -> bool {
    targets.get(question.place).is_some_and(|target| target.unreachable.is_none())
}

/// Asks a few at a time; the answers in the order of the questions.
async fn ask(places: &Arc<[Place]>, round: Vec<Question>, progress: &mut Progress) -> Vec<(Question, Heard)> {
    let turns = Arc::new(Semaphore::new(AT_ONCE_MAX));
    let mut asking = JoinSet::new();
    for (at, question) in round.into_iter().enumerate() {
        let (places, turns) = (Arc::clone(places), Arc::clone(&turns));
        asking.spawn(async move {
            let _turn = turns.acquire().await;
            let heard = match places.get(question.place) {
                Some(place) => hear(place, &question).await,
                None => None,
            };
            (at, question, heard)
        });
    }
    let mut heard = Vec::new();
    while let Some(one) = asking.join_next().await {
        progress.step();
        if let Ok((at, question, Some(answer))) = one {
            heard.push((at, question, answer));
        }
    }
    heard.sort_by_key(|(at, ..)| *at);
    heard.into_iter().map(|(_, question, answer)| (question, answer)).collect()
}

async fn hear(place: &Place, question: &Question) -> Option<Heard> {
    let target = place.target.as_ref()?;
    let found = |status, leaves_as, cause: Option<Cause>, advice| {
        Heard::Answer(FoundAnswer {
            asked: question.asked,
            operation: question.operation.clone(),
            path: question.path.clone(),
            status,
            leaves_as,
            code: cause.map(Cause::code),
            advice,
        })
    };
    Some(match probe(target, &question.path, &BOUNDS).await {
        Ok(probed) => {
            let answered = Answered {
                status: probed.status,
                is_http10: probed.is_http10,
                headers: &probed.headers,
                body: &probed.body,
                end: probed.end,
            };
            let judged = judge(&place.api, target, &place.public_base, question.asked, &answered);
            found(Some(probed.status), judged.leaves_as, judged.cause, judged.advice)
        }
        Err(Silence::NoAnswer { cause, words }) => {
            let what = format!("no answer: {words}; calls end as {} {}", cause.status(), cause.code());
            let mend = "see what the service says of it; it must speak HTTP/1.1 on this port";
            let advice = Advice { code: "no-answer", what, mend: mend.into() };
            found(None, cause.status(), Some(cause), vec![advice])
        }
        Err(silence) => Heard::Unreachable(unreachable(silence)),
    })
}

fn unreachable(silence: Silence) -> Advice {
    let (code, what, mend) = match silence {
        Silence::Name(words) => ("name-unknown", words, "correct the host in target, or check where its name is known"),
        Silence::NoConnection(words) => {
            ("no-connection", words, "start the service, or correct host and port in target")
        }
        Silence::Tls(words) => {
            ("tls-fault", format!("no TLS: {words}"), "mend the service's certificate, or see target_tls")
        }
        Silence::Files(words) => ("tls-files", words, "correct the files of target_tls"),
        Silence::NoAnswer { words, .. } => ("no-answer", words, "see what the service says of it"),
    };
    let what = format!("not reachable: {what}; calls end as 503 {}", Cause::ServiceUnavailable.code());
    Advice { code, what, mend: mend.into() }
}

/// How far it is, on one line that goes again.
struct Progress {
    tells: bool,
    done: usize,
    all: usize,
}

impl Progress {
    fn step(&mut self) {
        self.done += 1;
        if self.tells {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\rAsking the targets: {} of {} ", self.done, self.all);
            let _ = out.flush();
        }
    }

    fn end(&self) {
        if self.tells && self.done > 0 {
            let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(text: &str) -> Declared {
        serde_json::from_str(text).expect("objects")
    }

    #[test]
    fn roots_come_first_and_only_plain_operations_are_asked() {
        let declared = declared(
            r#"{"apis": [
                {"name": "a", "base_path": "/a", "target": "http://h:1/in", "health": {"path": "/up"}, "operations": [
                    {"name": "home", "method": "GET", "path": "/"},
                    {"name": "list", "method": "GET", "path": "/items"},
                    {"name": "one", "method": "GET", "path": "/items/{id}"},
                    {"name": "make", "method": "POST", "path": "/items"},
                    {"name": "find", "method": "GET", "path": "/find", "parameters": [{"name": "q", "in": "query", "required": true}]}
                ]},
                {"name": "s", "base_path": "/s", "target": "limen:sample"},
                {"name": "b", "base_path": "/b", "targets": [{"url": "http://h:2"}, {"url": "https://h:3"}]}
            ]}"#,
        );
        let asking = Asking::of(&declared, "http://door");
        let asked: Vec<_> = asking.questions.iter().map(|one| (one.place, one.path.as_str(), one.asked)).collect();
        assert_eq!(
            asked,
            [
                (0, "/in", Asked::Operation),
                (2, "/", Asked::Root),
                (3, "/", Asked::Root),
                (0, "/up", Asked::Health),
                (0, "/in/items", Asked::Operation),
            ]
        );
        assert_eq!((&*asking.places[0].public_base, asking.left_out), ("http://door/a", 0));
        assert!(asking.places[1].target.is_none());
    }

    #[test]
    fn too_many_are_left_out() {
        let operation = |at| format!(r#"{{"name": "o{at}", "method": "GET", "path": "/o{at}"}}"#);
        let operations = (0..12).map(operation).collect::<Vec<_>>().join(",");
        let api = |at| {
            format!(
                r#"{{"name": "a{at}", "base_path": "/a{at}", "target": "http://h:1", "operations": [{operations}]}}"#
            )
        };
        let apis = (0..8).map(api).collect::<Vec<_>>().join(",");
        let asking = Asking::of(&declared(&format!(r#"{{"apis": [{apis}]}}"#)), "http://door");
        assert_eq!((asking.questions.len(), asking.left_out), (REQUESTS_MAX, 8 * (1 + OPERATIONS_MAX) - REQUESTS_MAX));
        assert!(asking.questions[..8].iter().all(|one| one.asked == Asked::Root));
    }
}
