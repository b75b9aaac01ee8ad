//! 400 `schema-violation`: JSON bodies compared with what their operation describes.

use std::net::TcpListener;

use limen_testbed::{Answer, Http, Limen, Service, Settings};
use serde_json::{Value, json};

use crate::stage::{BINARY, refused};

/// Two APIs of the same operations, of which one lets pass what the service sets, and one that describes nothing.
const WORLD: &str = r##"
apis:
  - name: people
    base_path: /people
    target: "{service}"
    access: open
    validate: schema
    media_types: [application/json, application/vnd.people+json, application/x-www-form-urlencoded, multipart/form-data]
    body_max_bytes: 2_000_000
    {described}
  - name: lenient
    base_path: /lenient
    target: "{service}"
    access: open
    validate: schema
    read_only: pass
    {described}
  - {name: plain, base_path: /plain, target: "{service}", access: open}
"##;

/// What both describe.
const DESCRIBED: &str = r##"operations:
      - name: create
        method: POST
        path: /people
        body: {required: true, content: [{media_type: application/json; charset=utf-8, schema: {$ref: "#/schemas/Person"}}, {media_type: "*/*"}]}
      - name: update
        method: PATCH
        path: /people/{id}
        body: {content: [{media_type: "application/*", schema: {minProperties: 1}}, {media_type: application/vnd.people+json, schema: {maxProperties: 0}}]}
      - {name: delete, method: DELETE, path: "/people/{id}", body: {content: [{media_type: application/json, schema: {required: [why]}}]}}
      - {name: check, method: POST, path: /checks, body: {required: true, content: [{media_type: application/json, schema: {type: array, items: {type: integer}}}]}}
      - {name: loose, method: POST, path: /loose, validate: syntax, body: {required: true, content: [{media_type: application/json, schema: false}]}}
      - {name: unread, method: POST, path: /unread, validate: "off", body: {required: true, content: [{media_type: application/json, schema: false}]}}
    schemas:
      Person:
        type: object
        required: [id, name, birthdate]
        additionalProperties: false
        properties:
          id: {type: string, readOnly: true}
          name: {type: string, minLength: 1, maxLength: 100}
          birthdate: {$ref: "#/schemas/FuzzyDate"}
          email: {type: string, format: email}
          mode: {type: string, enum: [full, limited], default: full}
          password: {type: string, minLength: 12}
          code: {type: string, format: password, pattern: "^[0-9]+$"}
          answer: {allOf: [{type: string, maxLength: 3}, {writeOnly: true}]}
          credentials: {type: object, properties: {login: {type: integer}}}
      FuzzyDate:
        type: object
        required: ["y"]
        properties: {"y": {type: [integer, "null"]}, m: {type: [integer, "null"], maximum: 12}}
"##;

fn world(service: &Service) -> String {
    WORLD.replace("{described}", DESCRIBED.trim_end()).replace("{service}", &service.url())
}

struct Stage {
    limen: Limen,
    service: Service,
}

impl Stage {
    fn new() -> Self {
        let service = Service::ok();
        let limen = Limen::start(Settings::new(BINARY).config(&world(&service)));
        Self { limen, service }
    }

    fn http(&self) -> Http {
        self.limen.http()
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        self.http().call("POST", path, &[("Content-Type", "application/json")], Some(body.as_bytes()))
    }

    /// Refused with these places and words, and nothing reached the service.
    #[track_caller]
    fn violated(&self, answer: &Answer, errors: &[(&str, &str)]) -> Value {
        let message = match errors {
            [("", message)] => format!("The body {message}."),
            [(pointer, message)] => format!("In the body, {pointer} {message}."),
            several => format!("{} things are wrong with the request; errors lists them.", several.len()),
        };
        let body = refused(&self.limen, answer, 400, "schema-violation", &message);
        let told: Vec<Value> = errors
            .iter()
            .map(|(pointer, message)| json!({"pointer": pointer, "in": "body", "message": message}))
            .collect();
        assert_eq!(body["errors"], json!(told), "{body}");
        assert_eq!(self.service.hits(), 0, "{:?}", self.service.requests());
        body
    }
}

#[test]
fn everything_that_is_wrong_with_a_body_is_told_at_once() {
    let stage = Stage::new();
    let answer =
        stage.post("/people/people", r#"{"name":"","birthdate":{"y":"2001","m":13},"brithdate":{},"email":"eva"}"#);
    let body = stage.violated(
        &answer,
        &[
            ("/name", "must have at least 1 character, not the 0 characters of \"\""),
            ("/birthdate/y", "must be a whole number or null, not \"2001\""),
            ("/birthdate/m", "must be at most 12, not 13"),
            ("/brithdate", "is not known here; did you mean \"birthdate\"?"),
            ("/email", "must be an email address, not \"eva\""),
        ],
    );
    assert_eq!(body["title"], "Body breaks the schema", "{body}");
    stage.violated(&stage.post("/people/people", r#"{"name":"Eva"}"#), &[("/birthdate", "is missing")]);
    stage.violated(&stage.post("/people/people", "[]"), &[("", "must be an object, not a list")]);
    // Both forms of the refusal.
    let plain = [("Content-Type", "application/json"), ("Accept", "application/json")];
    let answer = stage.http().call("POST", "/people/checks", &plain, Some(b"{}"));
    stage.violated(&answer, &[("", "must be a list, not an object")]);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn a_body_that_is_needed_is_missed() {
    let stage = Stage::new();
    let missing = [("", "is missing: a body is needed")];
    let json = [("Content-Type", "application/json")];
    for (headers, body) in [(&[][..], None), (&json[..], None), (&json[..], Some(&b""[..]))] {
        stage.violated(&stage.http().call("POST", "/people/people", headers, body), &missing);
    }
    let chunked = "POST /people/people HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    stage.violated(
        &stage.http().send(chunked.replace("Host: a", &format!("Host: {}", stage.limen.gateway()))),
        &missing,
    );
    // The media type goes before: 415.
    let text = stage.http().call("POST", "/people/people", &[("Content-Type", "text/plain")], Some(b"x"));
    assert_eq!((text.status, text.json()["code"].as_str()), (415, Some("media-type-unsupported")));
    // Where none is needed, none is missed; nor where only the syntax is read.
    for (method, path) in [("PATCH", "/people/people/1"), ("POST", "/plain/anything"), ("POST", "/people/loose")] {
        assert_eq!(stage.http().call(method, path, &[], None).status, 200, "{path}");
    }
    // Old callers send something with a DELETE that says nothing.
    for body in ["", "{}", "\"\""] {
        assert_eq!(stage.http().call("DELETE", "/people/people/1", &json, Some(body.as_bytes())).status, 200, "{body}");
    }
    let answer = stage.http().call("DELETE", "/people/people/1", &json, Some(b"{\"who\":1}"));
    assert_eq!(answer.json()["errors"][0]["pointer"], "/why", "{answer:?}");
}

#[test]
fn no_secret_is_repeated_and_values_are_cut() {
    let stage = Stage::new();
    let body = json!({"name": 7, "birthdate": {"y": null}, "password": "hunter-two", "code": "s3cr3t!", "answer": "Rosebud",
        "credentials": {"login": "opensesame"}, "mode": "m".repeat(500)});
    let answer = stage.post("/people/people", &body.to_string());
    let told = stage.violated(
        &answer,
        &[
            ("/name", "must be text, not 7"),
            ("/password", "must have at least 12 characters"),
            ("/code", "must match the pattern ^[0-9]+$, and the value given does not"),
            ("/answer", "must have at most 3 characters"),
            ("/credentials/login", "must be a whole number, not the value given"),
            ("/mode", &format!("must be one of \"full\" or \"limited\", not \"{}…\"", "m".repeat(80))),
        ],
    );
    for secret in ["hunter", "s3cr3t", "Rosebud", "opensesame"] {
        assert!(!told.to_string().contains(secret), "{secret}: {told}");
    }
    let odd = json!({"name": "Eva", "birthdate": {"y": "a\u{202e}\u{1b}[31m\r\nb"}});
    let answer = stage.post("/people/people", &odd.to_string());
    stage.violated(
        &answer,
        &[("/birthdate/y", "must be a whole number or null, not \"a\u{fffd}\u{fffd}[31m\u{fffd}\u{fffd}b\"")],
    );
}

#[test]
fn what_the_service_sets_is_not_sent() {
    let stage = Stage::new();
    let body = r#"{"id":"1","name":"Eva","birthdate":{"y":2001}}"#;
    stage.violated(&stage.post("/people/people", body), &[("/id", "is set by the service alone; leave it out")]);
    assert_eq!(stage.post("/lenient/people", body).status, 200);
    assert_eq!(stage.service.last().body, body.as_bytes());
    let answer = stage.post("/lenient/people", r#"{"id":1,"name":"Eva","birthdate":{"y":2001}}"#);
    assert_eq!(answer.json()["errors"][0]["message"], "must be text, not 1", "{answer:?}");
}

#[test]
fn the_bytes_that_came_are_those_that_go_on() {
    let stage = Stage::new();
    for body in [
        r#"{"name":"Eva","birthdate":{"y":2001.0}}"#,
        " { \"birthdate\" : { \"y\" : 2001e0 , \"m\" : -0 } , \"name\" : \"\\u0045va\" }\n",
    ] {
        assert_eq!(stage.post("/people/people", body).status, 200, "{body}");
        assert_eq!(stage.service.last().body, body.as_bytes(), "no default, no change");
    }
    // A large one, which is compared elsewhere.
    let numbers = format!("[{}1]", "1,".repeat(100_000));
    assert_eq!(stage.post("/people/checks", &numbers).status, 200);
    assert_eq!(stage.service.last().body.len(), numbers.len());
    // Forms and multipart are left as they are, whatever is said of them.
    for media_type in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let answer = stage.http().call("POST", "/people/people", &[("Content-Type", media_type)], Some(b"{"));
        assert_eq!(answer.status, 200, "{media_type}: {answer:?}");
    }
    for path in ["/people/loose", "/people/unread"] {
        assert_eq!(stage.post(path, "{}").status, 200, "{path}");
    }
    assert_eq!(stage.post("/people/unread", "{").status, 200);
    assert_eq!(stage.post("/people/loose", "{").json()["code"], "body-not-json");
}

#[test]
fn the_nearest_media_type_decides_which_schema_it_is() {
    let stage = Stage::new();
    let patch = |media_type: &str, body: &str| {
        stage.http().call("PATCH", "/people/people/1", &[("Content-Type", media_type)], Some(body.as_bytes()))
    };
    let none = [("", "must have at least 1 member, not 0")];
    stage.violated(&patch("application/json; charset=UTF-8", "{}"), &none);
    stage.violated(&patch("application/vnd.people+json", "{\"a\":1}"), &[("", "must have at most 0 members, not 1")]);
    assert_eq!(patch("application/vnd.people+json", "{}").status, 200);
    // The type with a charset in its description is JSON's, `*/*` any other's.
    let answer =
        stage.http().call("POST", "/people/people", &[("Content-Type", "application/vnd.people+json")], Some(b"[1]"));
    assert_eq!(answer.status, 200, "{answer:?}");
    for (headers, told) in [
        (&[("Content-Type", "application/json; charset=utf-16")][..], "The body's charset is not UTF-8."),
        (&[("Content-Type", "application/json"), ("Content-Encoding", "gzip")][..], "The body is compressed;"),
    ] {
        let answer = stage.http().call("POST", "/people/people", headers, Some(b"{}"));
        assert!(answer.status == 415 && answer.text().contains(told), "{answer:?}");
    }
}

#[test]
fn no_more_than_fifty_errors_are_told_however_large_the_body() {
    let stage = Stage::new();
    for count in [51, 10_000, 300_000] {
        let body = format!("[{}\"a\"]", "\"a\",".repeat(count));
        let answer = stage.post("/people/checks", &body);
        let told = refused(
            &stage.limen,
            &answer,
            400,
            "schema-violation",
            "50 things are wrong with the request; errors lists them.",
        );
        let errors = told["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 50);
        assert_eq!(errors[49], json!({"pointer": "/49", "in": "body", "message": "must be a whole number, not \"a\""}));
    }
    for (body, words) in [
        (format!("[{}", "[".repeat(1_000_000)), "nested deeper than 64 levels"),
        (r#"{"name":1,"name":2}"#.to_owned(), "the same name again"),
        (r#"{"name":"#.to_owned(), "the end of the body"),
    ] {
        let answer = stage.post("/people/people", &body);
        let told = answer.json();
        assert_eq!((answer.status, told["code"].as_str()), (400, Some("body-not-json")), "{answer:?}");
        assert!(told["message"].as_str().is_some_and(|message| message.contains(words)), "{told}");
    }
    let member = "n".repeat(400_000);
    let answer = stage.post("/people/people", &json!({member: {"a": 1}}).to_string());
    assert!(answer.status == 400 && answer.text().len() < 5_000, "a long name is not repeated");
    assert_eq!(stage.service.hits(), 0);
}

#[test]
fn schemas_that_can_not_be_are_refused_and_nothing_is_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a listener that doesn't wait");
    let service = Service::ok();
    let limen = Limen::start(Settings::new(BINARY).config(&world(&service)));
    let address = listener.local_addr().expect("an address");
    let file = limen.folder().join("secret.json");
    std::fs::write(&file, "{\"type\": \"string\"}").expect("a file");
    let bad = |schema: &str| {
        format!(
            "apis:\n  - name: bad\n    base_path: /bad\n    target: \"{}\"\n    validate: schema\n    operations:\n      \
             - {{name: one, method: POST, path: /one, body: {{content: [{{media_type: application/json, schema: {schema}}}]}}}}\n    \
             schemas: {{Loop: {{allOf: [{{$ref: '#/schemas/Pool'}}]}}, Pool: {{$ref: '#/schemas/Loop'}}}}\n",
            service.url()
        )
    };
    let path = limen.folder().join("bad.yaml");
    let remote = format!("{{$ref: 'http://{address}/x.json'}}");
    let local = format!("{{$ref: 'file://{}'}}", file.display());
    let plain = format!("{{$ref: '{}'}}", file.display());
    for (schema, words) in [
        (remote.as_str(), "is no reference to a schema of the API"),
        (local.as_str(), "is no reference to a schema of the API"),
        (plain.as_str(), "is no reference to a schema of the API"),
        ("{$ref: '#/schemas/Absent'}", "there is no schema \"Absent\""),
        ("{$ref: '#/properties/a'}", "is no reference to a schema of the API"),
        ("{properties: {a: {pattern: '(a)\\1'}}}", "can't be matched in linear time"),
        ("{pattern: 'a{1000}{1000}'}", "can't be matched in linear time"),
        ("{type: text}", "not a type"),
        ("{type: object}", "refers to itself without a step into the value"),
    ] {
        std::fs::write(&path, bad(schema)).expect("a file");
        let output = limen.command(&["apply", &path.display().to_string()]);
        assert_ne!(output.code, Some(0), "{schema}");
        let told = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(words), "{schema}: {told}");
        assert!(told.contains("apis[0]."), "{schema}: {told}");
    }
    assert!(listener.accept().is_err(), "something was fetched");
}
