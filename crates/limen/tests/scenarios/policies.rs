//! Record-level permission: what policies refuse, in which words, from which form of a parameter, and how soon.

use std::time::Duration;

use limen_testbed::{Answer, Http, Limen, Reply, Service, Settings, eventually_within};
use serde_json::{Value, json};

use crate::stage::{BINARY, KEY, refused};

const WORLD: &str = r#"
apis:
  - name: records
    base_path: /records
    target: "{service}/base"
    access: key+token
    media_types: [application/json, text/plain]
    operations: &operations
      - {name: list, method: GET, path: /items, permission: item.read,
         parameters: [{name: region, in: query, schema: {type: string}}]}
      - {name: get, method: GET, path: "/items/{id}", permission: item.read, parameters: &id
         [{name: id, in: path, required: true, schema: {type: integer}},
          {name: region, in: query, schema: {type: string}}]}
      - {name: update, method: PATCH, path: "/items/{id}", permission: item.read, parameters: *id}
      - {name: note, method: GET, path: "/items/{id}/notes/{name}", permission: item.read, parameters: *id}
      - {name: health, method: GET, path: /health, access: open}
      - {name: free, method: GET, path: "/free/{id}", permission: item.read}
    policies:
      query: [region]
      attributes: {hidden: integers, region: string}
      claims: {client_id: string}
      text: |
        @id("hidden") @message("This item is hidden from you.")
        forbid (principal, action in [Action::"get", Action::"update", Action::"note"], resource)
        when { principal.hidden.contains(context.id) };
        @id("region")
        forbid (principal, action == Action::"list", resource)
        when { principal has region && context has region && context.region != principal.region };
        @id("overflow")
        forbid (principal, action == Action::"get", resource) when { context.id * 2 == 3 };
  - name: secrets
    base_path: /secrets
    target: "{service}/base"
    access: key+token
    record_denied: 404
    media_types: [application/json, text/plain]
    operations: *operations
    policies: &policies
      attributes: {hidden: integers}
      text: |
        @id("hidden") @message("This item is hidden from you.")
        forbid (principal, action in [Action::"get", Action::"update", Action::"note"], resource)
        when { principal.hidden.contains(context.id) };
  - {name: seen, base_path: /seen, target: "{service}/base", access: key+token, record_denied: 404,
     contract: transparent, operations: *operations, policies: *policies}
  - {name: passed, base_path: /passed, target: "{service}/base", access: key+token, record_denied: 404,
     error_body: pass, operations: *operations, policies: *policies}
products: [{name: all, apis: [records, secrets, seen, passed], quota: {calls: 1_000_000, period: day}}]
developers: [{name: ada}]
applications: [{name: shop, developer: ada}]
environments: [{name: demo}]
roles: [{name: reader, permissions: [item.read]}, {name: nobody}]
users:
  - {name: rory, attributes: {hidden: [280], region: north}, memberships: [{environment: demo, roles: [reader]}]}
  - {name: rea, attributes: {hidden: [1]},
     memberships: [{environment: demo, roles: [reader], attributes: {hidden: [281]}}]}
  - {name: none, attributes: {hidden: [280]}, memberships: [{environment: demo, roles: [nobody]}]}
connections: [{application: shop, environment: demo}]
"#;

struct Desk {
    limen: Limen,
    service: Service,
    world: String,
    key: String,
}

impl Desk {
    fn new() -> Self {
        let service = Service::ok();
        let world = WORLD.replace("{service}", &service.url());
        let limen = Limen::start(Settings::new(BINARY).config(&world));
        let made = limen.json(&["subscription", "create", "--product", "all", "--developer", "ada"]);
        let key = made["primary_key"].as_str().expect("a key").to_owned();
        Self { limen, service, world, key }
    }

    fn bearer(&self, user: &str) -> String {
        let issued = self.limen.json(&["token", "issue", "--user", user, "--application", "shop"]);
        format!("Bearer {}", issued["access_token"].as_str().expect("a token"))
    }

    fn http(&self) -> Http {
        self.limen.http()
    }

    fn get(&self, bearer: &str, target: &str) -> Answer {
        self.http().get(target, &[(KEY, &self.key), ("Authorization", bearer)])
    }

    fn checks(&self, answer: &Answer) -> String {
        self.limen.json(&["explain", answer.header("x-request-id").expect("an id")])["checks"].to_string()
    }
}

#[test]
fn a_record_that_a_policy_keeps_back() {
    let desk = Desk::new();
    let (rory, rea) = (desk.bearer("rory"), desk.bearer("rea"));
    assert_eq!(desk.get(&rory, "/records/items/281").status, 200);
    assert_eq!(desk.service.last().target, "/base/items/281");
    let before = desk.service.hits();
    let denied = desk.get(&rory, "/records/items/280");
    let body = refused(&desk.limen, &denied, 403, "record-denied", "This item is hidden from you.");
    assert!(body.get("service").is_none() && !denied.text().contains("forbid"), "{body}");
    assert_eq!(denied.header("www-authenticate"), None);
    for (method, target, body) in [
        ("HEAD", "/records/items/280", None),
        ("PATCH", "/records/items/280", Some(&b"{}"[..])),
        ("GET", "/records/items/280/notes/first", None),
        ("GET", "//records//items/280/", None),
    ] {
        let fields = [(KEY, desk.key.as_str()), ("Authorization", &rory), ("Content-Type", "application/json")];
        let answer = desk.http().call(method, target, &fields, body);
        assert_eq!(answer.status, 403, "{method} {target}: {answer:?}");
    }
    assert_eq!(desk.service.hits(), before, "nothing of it reached the service");
    // The membership's attribute goes before the user's own.
    assert_eq!([1, 280, 281].map(|id| desk.get(&rea, &format!("/records/items/{id}")).status), [200, 200, 403]);
    // A permission that is missing is told first.
    let none = desk.get(&desk.bearer("none"), "/records/items/280");
    assert_eq!((none.status, &none.json()["code"]), (403, &json!("permission-denied")));
    assert_eq!(desk.http().get("/records/health", &[]).status, 200, "what asks for no token has no policy");
    let checks = desk.checks(&denied);
    assert!(checks.contains("Policies were asked about the record: hidden, overflow."), "{checks}");
    assert!(checks.contains("It is forbidden by: hidden.") && !checks.contains("principal"), "{checks}");
}

#[test]
fn a_query_parameter_that_policies_read() {
    let desk = Desk::new();
    let rory = desk.bearer("rory");
    let status = |query: &str| desk.get(&rory, &format!("/records/items{query}")).status;
    assert_eq!([status(""), status("?region=north"), status("?other=1&other=2")], [200; 3]);
    let denied = desk.get(&rory, "/records/items?region=south");
    let words =
        "You may perform this operation, but not with this record. Ask the environment's administrator if you need it.";
    refused(&desk.limen, &denied, 403, "record-denied", words);
    for query in ["?region=north&region=south", "?region=south&region=north", "?region=north&re%67ion=south"] {
        let answer = desk.get(&rory, &format!("/records/items{query}"));
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("parameter-invalid")), "{query}: {answer:?}");
        assert_eq!(answer.json()["errors"][0]["in"], "query", "{answer:?}");
    }
}

#[test]
fn a_policy_that_cannot_be_evaluated_forbids() {
    let desk = Desk::new();
    let rory = desk.bearer("rory");
    assert_eq!(desk.get(&rory, "/records/items/4611686018427387903").status, 200);
    let answer = desk.get(&rory, "/records/items/4611686018427387904");
    assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("record-denied")), "{answer:?}");
    let checks = desk.checks(&answer);
    assert!(checks.contains("policy overflow could not be evaluated, which forbids"), "{checks}");
    assert!(!answer.text().contains("overflow"), "{answer:?}");
}

#[test]
fn only_one_form_of_a_parameter_passes() {
    let desk = Desk::new();
    let rory = desk.bearer("rory");
    let before = desk.service.hits();
    let forms =
        ["0280", "+280", "280.0", "%20280", "280%20", "2.8e2", "-0", "0x118", "%D9%A2", "99999999999999999999", "a"];
    for form in forms {
        let answer = desk.get(&rory, &format!("/records/items/{form}"));
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("parameter-invalid")), "{form}: {answer:?}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/id", "{answer:?}");
        assert!(desk.checks(&answer).contains("permission"), "{form}");
    }
    assert_eq!(desk.service.hits(), before);
    // Digits need no escape: the normaliser writes them plainly, and that is what is decided on and sent.
    assert_eq!(desk.get(&rory, "/records/items/%32%38%30").status, 403);
    assert_eq!(desk.get(&rory, "/records/items/%32%38%31").status, 200);
    assert_eq!(desk.service.last().target, "/base/items/281");
    // Where no policy may apply nothing is parsed.
    assert_eq!(desk.get(&rory, "/records/free/0280").status, 200);
}

/// What of an answer a caller could tell a hidden record by: all but ids, the time and what is left of the quota.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let varies = ["x-request-id", "date", "ratelimit"];
    let mut fields: Vec<_> = answer.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    fields.retain(|(name, _)| !varies.contains(&name.as_str()));
    let mut body = if answer.body.is_empty() { Value::Null } else { answer.json() };
    for id in ["trace_id", "instance", "help", "request_id"] {
        if let Some(members) = body.as_object_mut() {
            members.remove(id);
        }
    }
    (answer.status, fields, body)
}

#[test]
fn a_hidden_record_looks_like_a_missing_one() {
    let desk = Desk::new();
    let rory = desk.bearer("rory");
    let missing =
        Reply::json(404, &json!({"message": "no item 7"})).header("Retry-After", "5").header("X-Reason", "gone");
    for path in ["/base/items/7", "/base/items/7/notes/a"] {
        desk.service.on(path, missing.clone());
    }
    for base in ["/secrets", "/seen", "/passed"] {
        for (method, rest, media_type, body) in [
            ("GET", "", None, None),
            ("HEAD", "", None, None),
            ("GET", "/notes/a", None, None),
            ("PATCH", "", Some("application/json"), Some("{}")),
            ("PATCH", "", Some("application/json"), Some("{")),
            ("PATCH", "", Some("text/csv"), Some("a,b")),
            ("PATCH", "", None, Some("{}")),
        ] {
            let call = |id: u32| {
                let mut fields = vec![(KEY, desk.key.as_str()), ("Authorization", rory.as_str())];
                fields.extend(media_type.map(|media_type| ("Content-Type", media_type)));
                let body = body.map(str::as_bytes);
                desk.http().call(method, &format!("{base}/items/{id}{rest}"), &fields, body)
            };
            let (hidden, missing) = (call(280), call(7));
            assert_eq!(told(&hidden), told(&missing), "{base} {method} {rest} {media_type:?} {body:?}");
            if media_type != Some("text/csv") && body != Some("{") && (media_type.is_some() || body.is_none()) {
                assert_eq!(hidden.status, 404, "{base} {method} {rest}: {hidden:?}");
            }
        }
        let hidden = desk.get(&rory, &format!("{base}/items/280"));
        refused(&desk.limen, &hidden, 404, "record-not-found", "There is no such record.");
        assert!(desk.checks(&hidden).contains("refused by hidden"), "operators see why");
    }
    assert!(desk.service.requests().iter().all(|seen| !seen.path().contains("280")));
}

#[test]
fn a_changed_policy_or_attribute_acts_within_a_second() {
    let desk = Desk::new();
    let rory = desk.bearer("rory");
    let status = |id: u32| desk.get(&rory, &format!("/records/items/{id}")).status;
    assert_eq!((status(280), status(300)), (403, 200));
    let change = |from: &str, to: &str| {
        assert!(desk.world.contains(from), "{from}");
        desk.limen.apply(&desk.world.replace(from, to));
    };
    change("{hidden: [280], region: north}", "{hidden: [300], region: north}");
    let soon =
        |what: &str, done: &dyn Fn() -> bool| eventually_within(Duration::from_secs(1), what, || done().then_some(()));
    soon("the attribute acts", &|| (status(280), status(300)) == (200, 403));
    change(
        "when { principal.hidden.contains(context.id) };\n        @id(\"region\")",
        "when { context.id == 5 };\n        @id(\"region\")",
    );
    soon("the policy acts", &|| (status(280), status(5)) == (200, 403));
}

#[test]
fn an_event_stream_ends_with_what_let_it_in() {
    let desk = Desk::new();
    let rory = desk.bearer("rory");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let events = Reply::open(format!("{head}9\r\ndata: 1\n\n\r\n")).then_hang();
    desk.service.on("/base/items/281", events);
    let mut connection = desk.http().open();
    let fields = [(KEY, desk.key.as_str()), ("Authorization", rory.as_str())];
    connection.write(&desk.http().open().request("GET", "/records/items/281", &fields, None));
    assert_eq!(connection.head_only().status, 200);
    assert!(!connection.some_bytes().is_empty());
    desk.limen.apply(&desk.world.replace("{hidden: [280], region: north}", "{hidden: [281], region: north}"));
    assert!(connection.is_closed(), "the stream ends");
}

#[test]
fn what_is_wrong_with_policies_is_told_with_its_line() {
    let desk = Desk::new();
    for (from, to, expected) in [
        (
            "principal.hidden.contains(context.id) };\n        @id(\"region\")",
            "principal.hiden.contains(context.id) };\n        @id(\"region\")",
            "policies.text: line 3, column 8",
        ),
        (
            "{hidden: [280], region: north}",
            "{hidden: [x], region: north}",
            "users[0].attributes.hidden: is not a list of whole numbers of 64 bits",
        ),
        (
            "      query: [region]",
            "      query: [regoin]",
            "policies.query[0]: no operation has a query parameter 'regoin'; mend: did you mean 'region'?",
        ),
        ("record_denied: 404", "record_denied: 410", "record_denied: 410 is neither 403 nor 404"),
    ] {
        let file = desk.limen.folder().join("wrong.yaml");
        std::fs::write(&file, desk.world.replacen(from, to, 1)).expect("a file");
        for command in ["check", "apply"] {
            let told = desk.limen.command(&[command, file.to_str().expect("a path")]);
            assert!(told.code != Some(0) && told.stderr.contains(expected), "{expected}: {told:?}");
        }
    }
}

#[test]
fn cases_of_a_file_are_tried() {
    let limen = Limen::start(Settings::new(BINARY));
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy-cases.yaml");
    let example = example.to_str().expect("a path");
    let tried = limen.command(&["policy", "test", example]);
    assert_eq!(tried.code, Some(0), "{tried:?}");
    assert!(tried.stdout.starts_with("✓ the restricted user sees most constituents: allow\n"), "{tried:?}");
    assert!(tried.stdout.ends_with("6 passed, 0 failed\n"), "{tried:?}");

    let text = std::fs::read_to_string(example).expect("the example");
    let wrong = text.replacen("{constituent_id: 280}", "{constituent_id: 101}", 1);
    let file = limen.folder().join("cases.yaml");
    std::fs::write(&file, &wrong).expect("a file");
    let file = file.to_str().expect("a path");
    let tried = limen.command(&["policy", "test", file]);
    assert_eq!(tried.code, Some(1), "{tried:?}");
    let expected = "✗ the restricted user sees most constituents: deny by hidden-constituents\n    expected allow\n    policies: Asked: ";
    assert!(tried.stdout.starts_with(expected) && tried.stderr.contains("1 of 6 cases failed"), "{tried:?}");
    let json = limen.command(&["policy", "test", file, "--output", "json"]);
    let told: Value = serde_json::from_str(json.stdout.trim()).expect("JSON");
    assert_eq!((&told["failed"], &told["cases"][0]["by"]), (&json!(1), &json!(["hidden-constituents"])));

    for (from, to, expected) in [
        (
            "user: restricted",
            "user: restrictde",
            "cases.yaml:5:11: cases[0].user: there is no user 'restrictde'; mend: did you mean 'restricted'?",
        ),
        ("operation: get-constituent", "operation: get-constituents", "did you mean 'get-constituent'?"),
        ("expect: allow", "expect: maybe", "cases.yaml:7:13: cases[0].expect"),
        ("    user: restricted\n", "", "cases[0].user: nobody is told"),
        ("    path: {constituent_id: 280}\n", "", "cases[0].path: policies read the parameter 'constituent_id'"),
    ] {
        std::fs::write(file, text.replacen(from, to, 1)).expect("a file");
        let tried = limen.command(&["policy", "test", file]);
        assert!(tried.code == Some(2) && tried.stderr.contains(expected), "{expected}: {tried:?}");
    }
}

#[test]
fn a_file_is_tried_without_a_running_limen() {
    let desk = Desk::new();
    let (config, cases) = (desk.limen.folder().join("one.yaml"), desk.limen.folder().join("cases.yaml"));
    std::fs::write(&config, desk.world.replace("{hidden: [280], region: north}", "{hidden: [5]}")).expect("a file");
    std::fs::write(
        &cases,
        "cases:\n  - {name: one, api: records, operation: get, user: rory, path: {id: 5}, expect: deny, by: hidden}\n",
    )
    .expect("a file");
    let [config, cases] = [&config, &cases].map(|file| file.to_str().expect("a path"));
    let running = desk.limen.command(&["policy", "test", cases]);
    assert_eq!(running.code, Some(1), "what runs has another attribute: {running:?}");
    let tried = desk.limen.command(&["policy", "test", cases, "--config", config]);
    assert_eq!((tried.code, &*tried.stdout), (Some(0), "✓ one: deny by hidden\n1 passed, 0 failed\n"), "{tried:?}");
}

#[test]
fn why_somebody_may_or_may_not() {
    let desk = Desk::new();
    let why = |words: &[&str]| desk.limen.command(&[&["why"], words].concat());
    let twice = why(&["rory", "list", "--api", "records", "--query", "region=north", "--query", "region=south"]);
    assert_eq!((twice.code, twice.stdout.as_str()), (Some(2), ""));
    assert!(twice.stderr.starts_with("--query region is given twice\nmend: "), "{twice:?}");
    let denied = why(&["rory", "get", "--api", "records", "--application", "shop", "--path", "id=280"]);
    assert_eq!(denied.code, Some(0), "{denied:?}");
    for told in [
        "rory may not perform get: refused by hidden.",
        "It is operation get of API records: GET /items/{id}.",
        "User rory has the roles reader in environment demo.",
        "Application shop is connected to environment demo.",
        "needs the permission item.read, which the role reader grants.",
        "Asked: hidden, overflow. Forbidden by: hidden.",
    ] {
        let words = denied.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(told), "{told}: {denied:?}");
    }
    let allowed = desk.limen.json(&["why", "rory", "get", "--api", "records", "--path", "id=281"]);
    assert_eq!((&allowed["allowed"], &allowed["by"]), (&json!(true), &json!([])));
    let none = desk.limen.json(&["why", "none", "get", "--api", "records", "--path", "id=281"]);
    assert_eq!(none["by"], json!(["permission"]));
    let form = desk.limen.json(&["why", "rory", "get", "--api", "records", "--path", "id=0281"]);
    assert_eq!(form["by"], json!(["parameters"]));
    let own = desk.limen.json(&["why", "application:shop", "get", "--api", "records", "--path", "id=280"]);
    assert_eq!(own["by"], json!(["application"]), "it has no roles of its own");
    for (words, expected) in [
        (&["rori", "get", "--api", "records"][..], "did you mean 'rory'?"),
        (&["rory", "gte", "--api", "records"], "did you mean 'get'?"),
        (&["rory", "get"], "is one of the APIs records, secrets, seen, passed"),
        (&["rory", "get", "--api", "recrods"], "did you mean 'records'?"),
        (&["rory", "get", "--api", "records"], "mend: --path id=…"),
        (&["rory", "list", "--api", "records", "--application", "shpo"], "did you mean 'shop'?"),
    ] {
        let told = why(words);
        assert!(told.code == Some(1) && told.stderr.contains(expected), "{words:?}: {told:?}");
    }
}

#[test]
fn the_sample_s_restricted_user_is_guarded_by_a_policy() {
    let limen = Limen::start(Settings::new(BINARY));
    let sample = limen.sample();
    let get = |id: &str| {
        let bearer = format!("Bearer {}", sample.restricted);
        limen.http().get(
            &format!("/constituent/v1/constituents/{id}"),
            &[(KEY, &sample.primary_key), ("Authorization", &bearer)],
        )
    };
    assert_eq!(get("280").status, 200);
    let denied = get("101");
    let message = "This constituent is hidden from you. Ask the environment's administrator if you need to see them.";
    let body = refused(&limen, &denied, 403, "record-denied", message);
    assert!(body.get("service").is_none(), "the service was not asked: {body}");
    assert_eq!(get("101/notes").json()["message"], message);
    let another_form = get("0101");
    assert_eq!((another_form.status, &another_form.json()["code"]), (400, &json!("parameter-invalid")));
}
