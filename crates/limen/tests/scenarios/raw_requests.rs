//! Raw requests against the real binary with a recording service behind: each is refused and the service sees nothing
//! of it, or the service sees what our engine read. The tables are those that the engine's own tests use, and more.

mod paths;
mod smuggled;

#[path = "../../../http1/src/tests/cases/accepted.rs"]
mod accepted;
#[path = "../../../http1/src/tests/cases/refused.rs"]
mod refused;
#[path = "../../../http1/src/tests/cases/wire.rs"]
mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};

use limen_testbed::{Answer, Seen};

use self::wire::wire;
use crate::stage::Stage;

const THREADS: usize = 16;

/// Does something with every case, a few at a time.
fn with_each<T: Sync>(cases: &[T], act: impl Fn(usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((number, case)) =
                    Some(next.fetch_add(1, Ordering::SeqCst)).and_then(|at| Some((at, cases.get(at)?)))
                {
                    act(number, case);
                }
            });
        }
    });
}

/// Checks that these bytes are refused as no request: 400 in the contract's form, then the connection's end.
#[track_caller]
fn is_refused(stage: &Stage, case: &str, bytes: &[u8], eof: bool) {
    let mut connection = stage.http().open();
    connection.write(bytes);
    if eof {
        connection.end_writing();
    }
    let mut next = || connection.try_answer_to("POST").unwrap_or_else(|error| panic!("{case:?}: no answer: {error}"));
    let mut answer = next();
    while answer.status == 404 {
        // A whole request for nothing stands before the broken one.
        answer = next();
    }
    in_form(stage, &answer, 400, case);
    assert_eq!(answer.header("connection"), Some("close"), "{case:?}: {answer:?}");
    assert!(connection.is_closed(), "{case:?}: something is read behind it");
}

/// Checks that an answer is a refusal of this status in the contract's form.
#[track_caller]
fn in_form(stage: &Stage, answer: &Answer, status: u16, case: &str) {
    assert_eq!(answer.status, status, "{case:?}: {answer:?}");
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    stage.refused(answer, status, text("code"), text("message"));
}

/// Every case of the engine's tables that is refused: what is sent, and whether the caller's end follows.
fn all_refused() -> Vec<(String, bool)> {
    let mut all: Vec<String> = Vec::new();
    let each = |table: refused::Table| table.iter().flat_map(|(_, cases)| cases.iter()).copied();
    all.extend(each(refused::STARTS).map(str::to_owned));
    all.extend(each(refused::LINES).map(|line| format!("{line}\nHost: h\n\n")));
    let path = ["/lenient/x", "/open/x"];
    for (number, field) in each(refused::FIELDS).enumerate() {
        all.push(format!("POST {} HTTP/1.1\nHost: h\n{field}\n\n5\nabcde\n0\n\n", path[number % 2]));
    }
    all.extend(refused::HOSTS.iter().map(|host| format!("GET /lenient/x HTTP/1.1\nHost: {host}\n\n")));
    let head = "POST /open/x HTTP/1.1\nHost: h\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n";
    all.extend(each(refused::CHUNKS).map(|chunks| format!("{head}{chunks}")));
    let end = |text: String| text.strip_suffix('|').map_or((text.clone(), false), |text| (text.to_owned(), true));
    all.into_iter().map(end).collect()
}

#[test]
fn what_the_engine_refuses_reaches_no_service() {
    let stage = Stage::new();
    let cases = all_refused();
    assert!(cases.len() >= 350, "{}", cases.len());
    with_each(&cases, |_, (text, eof)| is_refused(&stage, text, &wire(text), *eof));
    assert_eq!(stage.service.hits(), 0, "{:?}", stage.service.requests());
    assert_eq!(stage.http().get("/open/items", &[]).status, 200);
}

#[test]
fn a_body_that_breaks_while_it_is_sent_on_is_the_callers_fault() {
    let stage = Stage::new();
    let mut cases: Vec<(String, bool)> = Vec::new();
    for (form, head) in [
        (
            "chunks",
            "POST /lenient/x HTTP/1.1\nHost: h\nContent-Type: text/plain\nTransfer-Encoding: chunked\n\n5\nfirst\n",
        ),
        ("a length", "POST /lenient/x HTTP/1.1\nHost: h\nContent-Type: text/plain\nContent-Length: 90\n\nfirst"),
    ] {
        let broken: Vec<&str> = if form == "chunks" {
            refused::CHUNKS.iter().flat_map(|(_, cases)| cases.iter()).copied().collect()
        } else {
            vec!["|", "more|", "\n\n|"]
        };
        cases.extend(broken.iter().map(|text| {
            let (text, eof) = text.strip_suffix('|').map_or((*text, false), |text| (text, true));
            (format!("{head}{text}"), eof)
        }));
    }
    with_each(&cases, |_, (text, eof)| is_refused(&stage, text, &wire(text), *eof));
    assert!(cases.len() >= 75, "{}", cases.len());
    assert!(stage.service.requests().iter().all(|seen| !seen.complete), "{:?}", stage.service.requests());
}

/// A request as our engine read it, in the words of the engine's tests.
#[derive(Debug, Default)]
struct Read {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: String,
    is_whole: bool,
}

/// The requests among the engine's events, and whether a flaw ends them.
fn read_by_engine(events: &str) -> (Vec<Read>, bool) {
    let mut all: Vec<Read> = Vec::new();
    let mut is_flawed = false;
    for event in events.split(" | ") {
        match event {
            "end" => all.last_mut().expect("a head").is_whole = true,
            "more" | "close" => {}
            data if data.starts_with('\'') => all.last_mut().expect("a head").body = data.trim_matches('\'').to_owned(),
            head if head.contains(" HTTP/1.") => {
                let (line, fields) = head.split_once('[').expect("fields");
                // A target may hold brackets; the fields' are the last.
                let (line, fields) = head.rsplit_once(" [").unwrap_or((line, fields));
                let mut words = line.split(' ');
                let word = words.next().expect("a method").to_owned();
                let target = words.next().expect("a target").to_owned();
                let fields =
                    fields.strip_suffix(']').unwrap_or(fields).split("; ").filter_map(|field| field.split_once('='));
                let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                all.push(Read { method: word, target, fields, ..Read::default() });
            }
            _ => is_flawed = true,
        }
    }
    (all, is_flawed)
}

/// Fields that belong to a connection or to a message's framing, or that we add.
fn is_of_the_way(name: &str) -> bool {
    const OF_THE_WAY: [&str; 14] = [
        "connection",
        "content-length",
        "expect",
        "forwarded",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-request-id",
        "proxy-connection",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ];
    OF_THE_WAY.contains(&name) || name.starts_with("limen-")
}

/// Fields in the order of their names, values escaped as the engine's tests tell them.
fn comparable(fields: &[(String, String)]) -> Vec<(String, String)> {
    let lower = fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.replace('\t', "\\t")));
    // A host means the same in any case (RFC 9110 §4.2.3).
    let alike =
        lower.map(|(name, value)| if name == "host" { (name, value.to_ascii_lowercase()) } else { (name, value) });
    let mut kept: Vec<_> = alike.filter(|(name, _)| !is_of_the_way(name)).collect();
    kept.sort_by(|(one, _), (other, _)| one.cmp(other));
    kept
}

/// The path that a target leads to behind the API's base path, and its query; one that is empty asks nothing.
fn decided(target: &str) -> String {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let segments: String = path.split('/').filter(|one| !one.is_empty()).map(|one| format!("/{one}")).collect();
    query.filter(|query| !query.is_empty()).map_or(segments.clone(), |query| format!("{segments}?{query}"))
}

fn is_seen_alike(seen: &Seen, read: &Read, case: &str) {
    let target = decided(&read.target);
    assert_eq!((&seen.method, &seen.target), (&read.method, &target.replacen("/lenient", "/base", 1)), "{case:?}");
    let latin = |value: &str| value.replace("\\x80\\xff", "\u{fffd}\u{fffd}");
    let expected: Vec<_> = comparable(&read.fields).into_iter().map(|(name, value)| (name, latin(&value))).collect();
    let mut found = comparable(&seen.headers);
    if !expected.iter().any(|(name, _)| name == "host") {
        // A caller of HTTP/1.0 may say no host; a service of HTTP/1.1 is told one.
        let hosts = found.iter().filter(|(name, _)| name == "host").count();
        assert_eq!(hosts, 1, "{case:?}: {seen:?}");
        found.retain(|(name, _)| name != "host");
    }
    assert_eq!(found, expected, "{case:?}");
    assert_eq!(String::from_utf8_lossy(&seen.body).as_bytes().escape_ascii().to_string(), read.body, "{case:?}");
    assert!(seen.complete, "{case:?}");
}

#[test]
fn what_the_engine_accepts_is_seen_alike_by_the_service() {
    let stage = Stage::new();
    let cases: Vec<(String, String, bool)> =
        accepted::cases().filter(|(text, events, _)| !text.is_empty() && events.contains("HTTP/1.")).collect();
    let passed = AtomicUsize::new(0);
    with_each(&cases, |number, (text, events, eof)| {
        // Each case has a path of its own, so that what it led to can be told apart.
        let place = format!(" /lenient/c{number}");
        let (mut text, mut events) = (text.clone(), events.clone());
        for old in [" //", " /~", " /%", " /? ", " / ", " /1 ", " /2 ", " /3 ", " /smuggled ", " /next "] {
            let new = format!("{place}{}", old.trim_start());
            (text, events) = (text.replace(old, &new), events.replace(old, &new));
        }
        // Whoever sends a body says what it is.
        for (old, new) in [("\nContent-Length: ", " content-length="), ("\nTransfer-Encoding: ", " transfer-encoding=")]
        {
            text = text.replace(old, &format!("\nContent-Type: text/plain{old}"));
            events = events.replace(new, &format!(" content-type=text/plain;{new}"));
        }
        events = events.replace("[content-length=", "[content-type=text/plain; content-length=");
        let (requests, is_flawed) = read_by_engine(&events);
        let is_cut = requests.last().is_some_and(|last| !last.is_whole);
        let mut connection = stage.http().open();
        connection.write(&wire(&text));
        if *eof || is_cut {
            connection.end_writing();
        }
        let mut left = stage.service.requests().len();
        let mut answered = 0;
        for request in &requests {
            let answer = connection.answer_to(&request.method);
            let own = format!("/base/c{number}");
            let seen: Vec<Seen> = stage
                .service
                .requests()
                .into_iter()
                .filter(|seen| seen.path() == own || seen.path().starts_with(&format!("{own}/")))
                .collect();
            left = seen.len();
            if answer.status == 200 {
                is_seen_alike(seen.get(answered).expect("what was answered was seen"), request, &text);
                answered += 1;
                passed.fetch_add(1, Ordering::SeqCst);
            } else {
                assert!([400, 404].contains(&answer.status), "{text:?}: {answer:?}");
                in_form(&stage, &answer, answer.status, &text);
                let complete = seen.iter().filter(|seen| seen.complete).count();
                assert_eq!(complete, answered, "{text:?}: refused, and seen by the service");
            }
        }
        assert!(left <= requests.len(), "{text:?}: more was seen than was read");
        if is_flawed {
            in_form(&stage, &connection.answer_to("GET"), 400, &text);
        }
        if *eof || is_flawed || events.ends_with("close") {
            assert!(connection.is_closed(), "{text:?}");
        }
    });
    assert!(passed.load(Ordering::SeqCst) >= 70, "{passed:?} of {}", cases.len());
}
