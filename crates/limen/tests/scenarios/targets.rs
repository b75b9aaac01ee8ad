//! Services that may fail: several targets by weight, breaker, health checks, and the incident that opens by itself.

use std::time::Duration;

use limen_testbed::{Limen, Reply, Service, Settings, eventually, eventually_within};
use serde_json::{Value, json};

use crate::stage::{BINARY, KEY, nowhere, refused, retry_after_s, wait};
use crate::telemetry::{figure, of_socket};

const UNAVAILABLE: &str = "The service is temporarily unavailable. Try again later.";
/// Long enough for a breaker's wait on a loaded machine.
const LONG: Duration = Duration::from_secs(60);

/// A Limen with one open API at `/a` whose fields are these.
fn limen(fields: &str) -> Limen {
    Limen::start(Settings::new(BINARY).config(&config(fields)))
}

fn config(fields: &str) -> String {
    format!("apis:\n  - {{name: a, base_path: /a, access: open, {fields}}}\n")
}

/// A service at a fixed address, started again after it was gone.
fn revived(address: std::net::SocketAddr) -> Service {
    eventually("the address is free again", || Service::start_at(address, |_| Reply::json(200, &json!({"ok": true}))))
}

fn target<'s>(status: &'s Value, url: &str) -> &'s Value {
    let targets = status["apis"][0]["targets"].as_array().expect("targets");
    targets.iter().find(|one| one["url"] == url).unwrap_or_else(|| panic!("no {url} in {status}"))
}

#[test]
fn calls_are_spread_by_weight() {
    let (one, two) = (Service::ok(), Service::ok());
    let fields = format!("targets: [{{url: \"{}/base\", weight: 3}}, {{url: \"{}\"}}]", one.url(), two.url());
    let limen = limen(&fields);
    let http = limen.http();
    for _ in 0..40 {
        assert_eq!(http.get("/a/items?x=1", &[]).status, 200);
    }
    // A call whose end was read but not yet settled counts as under way: a little this way or that.
    assert!((28..=32).contains(&one.hits()) && one.hits() + two.hits() == 40, "{} {}", one.hits(), two.hits());
    assert_eq!((one.last().target.as_str(), two.last().target.as_str()), ("/base/items?x=1", "/items?x=1"));
    assert_eq!(two.last().header("host"), Some(two.address().to_string().as_str()));
    let status = limen.json(&["status"]);
    assert_eq!(target(&status, &format!("{}/base", one.url()))["weight"], 3);
    let shown = limen.command(&["api", "show", "a"]).stdout;
    assert!(shown.contains(&two.url()) && shown.contains("closed") && shown.contains("not checked"), "{shown}");
}

#[test]
fn a_target_that_refuses_costs_no_call_and_is_left() {
    let (alive, dead) = (Service::ok(), nowhere());
    let limen = limen(&format!(
        "targets: [{{url: \"{dead}\"}}, {{url: \"{}/b\"}}], breaker: {{failures: 3, open_s: 600}}",
        alive.url()
    ));
    let http = limen.http();
    for _ in 0..20 {
        assert_eq!(http.get("/a/items", &[]).status, 200);
        assert_eq!(http.post("/a/items", &[], "{\"n\":1}").status, 200);
        let chunked = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")];
        assert_eq!(http.call("PUT", "/a/items", &chunked, Some(b"2\r\n{}\r\n0\r\n\r\n")).status, 200);
    }
    assert_eq!(alive.hits(), 60, "none twice");
    let (last, first) = (alive.last(), alive.requests()[0].clone());
    assert_eq!((last.path(), last.body.as_slice()), ("/b/items", &b"{}"[..]));
    let assertion = first.header("limen-assertion").expect("an assertion");
    let claims = assertion.split('.').nth(1).expect("claims").to_owned();
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["path"], "/b/items", "it names the path that it is sent to");
    let status = limen.json(&["status"]);
    assert_eq!(target(&status, &dead)["breaker"], "open");
    assert_eq!(target(&status, &format!("{}/b", alive.url()))["breaker"], "closed");
    let shown = limen.command(&["status"]).stdout;
    assert!(shown.contains("open, tried in"), "{shown}");
}

#[test]
fn a_read_that_is_reset_before_its_answer_goes_to_another_target_and_a_write_does_not() {
    let (good, bad) = (Service::ok(), Service::start(|_| Reply::reset()));
    let limen = limen(&format!("targets: [{{url: \"{}\"}}, {{url: \"{}\"}}]", good.url(), bad.url()));
    let http = limen.http();
    for _ in 0..10 {
        assert_eq!(http.get("/a/x", &[]).status, 200);
    }
    assert!(bad.hits() > 0, "it was tried");
    let (good_before, bad_before) = (good.hits(), bad.hits());
    let failed = (0..10).filter(|_| http.post("/a/x", &[], "").status == 503).count();
    assert!(failed > 0, "a write that may have been read is not sent twice");
    assert_eq!(good.hits() - good_before + bad.hits() - bad_before, 10);
}

#[test]
fn while_all_are_out_no_connection_is_made_and_who_waits_gets_through() {
    let service = Service::ok();
    let limen =
        limen(&format!("target: \"{}\", retry_after_s: 77, breaker: {{failures: 4, open_s: 2}}", service.url()));
    let http = limen.http();
    service.answer(|_| Reply::json(503, &json!({"message": "secret"})));
    for count in 1..=4 {
        let answer = http.get("/a/x", &[]);
        refused(&limen, &answer, 503, "service-unavailable", UNAVAILABLE);
        let seconds = retry_after_s(&answer);
        let expected = if count < 4 { 77..=85 } else { 2..=3 };
        assert!(expected.contains(&seconds), "{count}: {seconds}");
    }
    let (hits, connections) = (service.hits(), service.connections());
    assert_eq!(hits, 4);
    let answer = http.post("/a/x", &[], "");
    refused(&limen, &answer, 503, "service-unavailable", UNAVAILABLE);
    let seconds = retry_after_s(&answer);
    assert!((1..=3).contains(&seconds), "the next try: {seconds}");
    let status = limen.json(&["status"]);
    assert_eq!(target(&status, &service.url())["breaker"], "open");
    assert_eq!((service.hits(), service.connections()), (hits, connections));
    service.answer(|_| Reply::json(200, &json!({"ok": true})));
    wait(seconds);
    assert_eq!(http.get("/a/x", &[]).status, 200, "the service is back, and the caller waited as told");
    assert_eq!(service.hits(), hits + 1);
    assert_eq!(target(&limen.json(&["status"]), &service.url())["breaker"], "closed");
}

#[test]
fn a_try_that_fails_makes_the_wait_longer() {
    let service = Service::start(|_| Reply::status(502));
    let limen = limen(&format!("target: \"{}\", breaker: {{failures: 1, open_s: 1}}", service.url()));
    let http = limen.http();
    let waits: Vec<u64> = (1..=3)
        .map(|tries| {
            let answer = eventually_within(LONG, "it is tried again", || {
                let answer = http.get("/a/x", &[]);
                (service.hits() == tries).then_some(answer)
            });
            retry_after_s(&answer)
        })
        .collect();
    assert!((1..=2).contains(&waits[0]) && (2..=3).contains(&waits[1]) && (4..=5).contains(&waits[2]), "{waits:?}");
}

#[test]
fn timeouts_open_it_and_neither_500_nor_callers_do() {
    let service = Service::ok();
    let limen = limen(&format!(
        "target: \"{}\", breaker: {{failures: 3, open_s: 600}}, validate: \"off\", media_types: [\"*/*\"], \
         deadlines: {{response_timeout_ms: 300, idle_timeout_ms: 300}}",
        service.url()
    ));
    let http = limen.http();
    for reply in [Reply::status(500), Reply::garbage(), Reply::reset(), Reply::status(507), Reply::status(418)] {
        service.on("/odd", reply);
        for _ in 0..6 {
            assert_ne!(http.post("/a/odd", &[], "").status, 0);
        }
    }
    let before = service.hits();
    for _ in 0..6 {
        let slow =
            http.call("POST", "/a/upload", &[("Content-Type", "text/plain"), ("Content-Length", "10")], Some(b"half"));
        assert_eq!(slow.status, 400, "{slow:?}");
    }
    assert_eq!(http.get("/a/x", &[]).status, 200, "callers who pause are no failure of the service");
    assert!(service.hits() > before);
    service.on("/hang", Reply::hang());
    for _ in 0..3 {
        assert_eq!(http.get("/a/hang", &[]).json()["code"], "service-timeout");
    }
    let hits = service.hits();
    assert_eq!(http.get("/a/x", &[]).json()["code"], "service-unavailable");
    assert_eq!(service.hits(), hits);
}

#[test]
fn health_checks_take_a_target_out_and_back() {
    let (steady, shaky) = (Service::ok(), Service::ok());
    let fields = |path: &str| {
        format!(
            "targets: [{{url: \"{}/api\"}}, {{url: \"{}/api\"}}], \
             health: {{path: {path}, interval_s: 1, timeout_ms: 5000, healthy: 2, unhealthy: 2}}",
            steady.url(),
            shaky.url()
        )
    };
    let limen = limen(&fields("/healthz"));
    let http = limen.http();
    let shaky_url = format!("{}/api", shaky.url());
    let health_is = |word: &str| {
        eventually_within(LONG, word, || {
            (target(&limen.json(&["status"]), &shaky_url)["health"] == *word).then_some(())
        });
    };
    health_is("healthy");
    let check = shaky.requests().into_iter().find(|seen| seen.path() == "/healthz").expect("a check");
    assert_eq!(check.header("host"), Some(shaky.address().to_string().as_str()));
    assert!(check.header("user-agent").is_some_and(|name| name.starts_with("Limen-Health/")), "{check:?}");
    let calls_of = |service: &Service| service.requests().iter().filter(|seen| seen.path() == "/api/x").count();
    let spread = || {
        let before = (calls_of(&steady), calls_of(&shaky));
        assert!((0..10).all(|_| http.get("/a/x", &[]).status == 200));
        (calls_of(&steady) - before.0, calls_of(&shaky) - before.1)
    };
    assert_eq!(spread(), (5, 5));
    shaky.on("/healthz", Reply::status(500));
    health_is("unhealthy");
    assert_eq!(spread(), (10, 0));
    shaky.on("/healthz", Reply::status(204));
    health_is("healthy");
    assert_eq!(spread(), (5, 5));
    // Another path from now on, and the service says nothing there.
    shaky.on("/other", Reply::status(404));
    limen.apply(&config(&fields("/other")));
    health_is("unhealthy");
    let without = format!("targets: [{{url: \"{}/api\"}}, {{url: \"{}/api\"}}]", steady.url(), shaky.url());
    limen.apply(&config(&without));
    health_is("not checked");
    eventually("it gets calls again", || (spread().1 == 5).then_some(()));
}

fn notices(limen: &Limen) -> Vec<Value> {
    limen.json(&["notice", "list"]).as_array().expect("notices").clone()
}

#[test]
fn an_outage_opens_one_incident_that_ends_by_itself() {
    let service = Service::ok();
    let address = service.address();
    let mut limen =
        limen(&format!("target: \"{}\", auto_incident_after_s: 1, breaker: {{failures: 2, open_s: 1}}", service.url()));
    let by_hand = limen.json(&["notice", "open", "--announce-only", "--title", "By hand", "--api", "a"]);
    limen.json(&["notice", "resolve", by_hand["id"].as_str().unwrap()]);
    drop(service);
    let call = |limen: &Limen| limen.http().get("/a/x", &[]);
    let title = "API a: its service does not answer";
    let told = |limen: &Limen| {
        eventually_within(LONG, "the incident is linked", || {
            let answer = call(limen);
            assert_eq!(answer.status, 503, "{answer:?}");
            answer.header("link").map(str::to_owned).map(|link| (link, answer))
        })
    };
    let (link, answer) = told(&limen);
    refused(&limen, &answer, 503, "service-unavailable", title);
    let id = link.split("/issues/").nth(1).and_then(|rest| rest.split('>').next()).expect("an id").to_owned();
    let page = limen.pages().get("/issues", &[]).text();
    assert!(page.contains(title), "{page}");
    let page = limen.pages().get(&format!("/issues/{id}"), &[]).text();
    assert!(page.contains("has not answered since") && page.contains("Under way"), "{page}");
    // The same outage goes on over a restart, under the same notice.
    limen.kill();
    limen.restart();
    let (again, _) = told(&limen);
    assert!(again.contains(&format!("/issues/{id}>")), "{again}");
    eventually_within(LONG, "the breaker is open again", || {
        call(&limen);
        (limen.json(&["status"])["apis"][0]["targets"][0]["breaker"] == "open").then_some(())
    });
    assert_eq!(notices(&limen).len(), 2);
    let up = format!("limen_target_up{{api=\"a\",target=\"http://{address}\"}}");
    let figures = |limen: &Limen| {
        let page = of_socket(limen);
        let notices = |kind: &str| figure(&page, &format!("limen_notices_standing{{kind=\"{kind}\"}}"));
        (figure(&page, &up), notices("incident"), notices("maintenance"))
    };
    assert_eq!(figures(&limen), (Some(0.0), Some(1.0), Some(0.0)));
    let _service = revived(address);
    eventually_within(LONG, "calls succeed again", || (call(&limen).status == 200).then_some(()));
    let ended = eventually_within(LONG, "the incident ends", || {
        notices(&limen).into_iter().find(|one| one["id"] == *id && !one["resolved_at_us"].is_null())
    });
    assert_eq!(ended["updates"][0]["message"], "The service answers again.");
    eventually("the figures say so too", || (figures(&limen) == (Some(1.0), Some(0.0), Some(0.0))).then_some(()));
    let all = notices(&limen);
    assert_eq!(all.len(), 2, "{all:#?}");
    let untouched = all.iter().find(|one| one["title"] == "By hand").expect("the other");
    assert_eq!(untouched["updates"], json!([]));
}

#[test]
fn an_incident_that_was_called_off_or_is_not_wanted_does_not_open_and_a_private_one_is_hidden() {
    let api = |name: &str, more: &str| {
        format!(
            "  - {{name: {name}, base_path: /{name}, target: \"{}\", auto_incident_after_s: 1, \
             breaker: {{failures: 1, open_s: 600}}, {more}}}\n",
            nowhere()
        )
    };
    let apis = [
        api("a", "access: open"),
        api("q", "access: open, auto_incident: false"),
        api("p", "visibility: private"),
        api("z", "access: open"),
    ];
    let people = "products: [{name: all, apis: [p]}]\ndevelopers: [{name: ada}]\n";
    let limen = Limen::start(Settings::new(BINARY).config(&format!("apis:\n{}{people}", apis.concat())));
    let http = limen.http();
    let made = limen.json(&["subscription", "create", "--product", "all", "--developer", "ada"]);
    let key = [(KEY, made["primary_key"].as_str().unwrap())];
    for path in ["/a/x", "/q/x", "/p/x"] {
        assert_eq!(http.get(path, &key).status, 503);
    }
    let of = |api: &str| notices(&limen).into_iter().filter(|one| one["api"] == *api).collect::<Vec<_>>();
    let notice = eventually_within(LONG, "it opens", || of("a").pop());
    let hidden = eventually_within(LONG, "the private one opens", || of("p").pop());
    limen.json(&["notice", "resolve", notice["id"].as_str().unwrap()]);
    // A later outage is told, so the watch has looked at the earlier ones meanwhile.
    assert_eq!(http.get("/z/x", &[]).status, 503);
    eventually_within(LONG, "the later one is told", || of("z").pop());
    assert_eq!((of("a").len(), of("q").len()), (1, 0));
    assert_eq!(http.get("/a/x", &[]).header("link"), None);
    assert_eq!(http.get("/p/x", &key).header("link"), None);
    assert_eq!(limen.pages().get(&format!("/issues/{}", hidden["id"].as_str().unwrap()), &[]).status, 404);
    assert!(!limen.pages().get("/issues", &[]).text().contains("API p"));
}
