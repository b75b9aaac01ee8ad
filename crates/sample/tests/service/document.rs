//! The service's OpenAPI document held against the service: what it refuses is refused, what it takes is taken, and every
//! answer is as it says. It reads no document but this one.

use jsonschema::{Draft, Validator};
use limen_sample::OPENAPI;
use serde_json::{Value, json};

use crate::wire::{Answer, JSON, Service};

/// What the document can't say of a body, by the pointers at which the service then finds fault.
const BEYOND_WORDS: [&str; 13] = [
    "/birthdate/d",
    "/date/d",
    "/title",
    "/first_name",
    "/last_name",
    "/preferred_name",
    "/gender",
    "/birthdate",
    "/deceased",
    "/lookup_id",
    // A change is looked at together with what was there.
    "/name",
    "/summary",
    "/birthdate/m",
];

/// The document, and what is made ready of it.
struct Document {
    root: Value,
}

/// An operation of the document.
#[derive(Clone, Debug)]
struct Described {
    id: String,
    method: String,
    path: String,
    told: Value,
    parameters: Vec<Value>,
}

impl Document {
    fn read() -> Self {
        Self { root: serde_saphyr::from_str(OPENAPI).unwrap() }
    }

    /// What a reference leads to.
    fn followed<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.root.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => value,
        }
    }

    fn operations(&self) -> Vec<Described> {
        let mut found = Vec::new();
        for (path, item) in self.root["paths"].as_object().unwrap() {
            let shared = item.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
            for method in ["get", "put", "post", "delete", "options", "head", "patch", "trace"] {
                let Some(told) = item.get(method) else { continue };
                let own = told.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
                let parameters = shared.iter().chain(&own).map(|one| self.followed(one).clone()).collect();
                let id = told["operationId"].as_str().unwrap().to_owned();
                let (method, path, told) = (method.to_ascii_uppercase(), path.clone(), told.clone());
                found.push(Described { id, method, path, told, parameters });
            }
        }
        found
    }

    fn operation(&self, id: &str) -> Described {
        self.operations().into_iter().find(|one| one.id == id).unwrap()
    }

    fn validator(&self, schema: &Value) -> Validator {
        let whole = json!({"allOf": [schema], "components": self.root["components"]});
        jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).build(&whole).unwrap()
    }

    fn body(&self, operation: &Described) -> Validator {
        self.validator(&operation.told["requestBody"]["content"]["application/json"]["schema"])
    }

    /// Whether an answer is as the document says.
    #[track_caller]
    fn check(&self, operation: &Described, answer: &Answer) {
        let answers = &operation.told["responses"];
        let told = answers.get(answer.status.to_string()).unwrap_or(&answers["default"]);
        let Some(content) = self.followed(told).get("content") else {
            return assert_eq!(answer.body, "", "{}: {}", operation.id, answer.status);
        };
        let validator = self.validator(&content["application/json"]["schema"]);
        let body = answer.json();
        let errors: Vec<_> =
            validator.iter_errors(&body).map(|one| format!("{}: {one}", one.instance_path())).collect();
        assert!(errors.is_empty(), "{} {}: {errors:?} in {body}", operation.id, answer.status);
    }
}

/// Values of every kind, for every member.
fn values() -> Vec<Value> {
    let texts = [
        "",
        "  ",
        "x",
        " x ",
        "x\n",
        "\tx",
        "a\nb",
        "a\u{1}b",
        "a\u{85}b",
        "Individual",
        "Organization",
        " Individual",
        "individual",
        "Female",
        "female",
        "Call",
        "call",
        "a@b.example",
        " a@b.example ",
        "a@b@c",
        "a b@c",
        "@b",
        "a@",
        "+1 843 555 0142",
        "12",
        "1-2-3",
        "call 123",
        " 123 ",
        "1\u{a0}23",
        "2001-05-01",
    ];
    let numbers = [json!(-1), json!(0), json!(1), json!(5), json!(5.0), json!(1.5), json!(12), json!(13), json!(29)];
    let more = [json!(31), json!(32), json!(9999), json!(10_000), json!(1e30), Value::Null, json!(true), json!(false)];
    let long = [40, 41, 120, 121, 240, 241, 254, 255].map(|length| json!("x".repeat(length)));
    let wide = [20, 21, 120, 121].map(|length| json!("é".repeat(length)));
    let padded = json!(format!("{} ", "x".repeat(120)));
    let others = [json!([]), json!({}), json!([null]), json!(["a", "b"]), json!({"y": 1}), json!([[]])];
    let texts = texts.into_iter().map(Value::from);
    texts.chain(numbers).chain(more).chain(long).chain(wide).chain([padded]).chain(others).collect()
}

/// Bodies: each member with each value, in a body that is good without it.
fn bodies(good: &Value, members: &[&str]) -> Vec<Value> {
    let mut all = vec![good.clone(), json!({}), json!([]), json!("x"), Value::Null];
    for member in members {
        for value in values() {
            let mut body = good.clone();
            let places: Vec<&str> = member.split('/').collect();
            match places.as_slice() {
                [outer, "0"] => body[outer] = json!([value]),
                [outer, "lines", "0"] => body[outer] = json!({"lines": [value]}),
                // A day means something beside a month alone.
                [outer, "d"] => body[outer] = json!({"m": 3, "d": value}),
                [outer, inner] => body[outer] = json!({*inner: value}),
                _ => body[*member] = value,
            }
            all.push(body);
        }
    }
    all
}

async fn compare(document: &Document, service: &Service, operation: &str, path: &str, bodies: &[Value]) {
    let operation = document.operation(operation);
    let validator = document.body(&operation);
    for body in bodies {
        let answer = service.write(&operation.method, path, body).await;
        document.check(&operation, &answer);
        let is_good = validator.is_valid(body);
        let told = || format!("{}: {body} is {is_good} by the document and answered {}", operation.id, answer.body);
        let is_beyond = || answer.pointers().iter().all(|at| BEYOND_WORDS.contains(&at.as_str()));
        let agrees = match (is_good, answer.status) {
            (true, 200) | (false, 400) => true,
            (true, 400) => is_beyond(),
            _ => false,
        };
        assert!(agrees, "{}", told());
    }
}

const OF_CONSTITUENTS: [&str; 24] = [
    "type",
    "name",
    "title",
    "first_name",
    "last_name",
    "preferred_name",
    "gender",
    "birthdate",
    "birthdate/y",
    "birthdate/m",
    "birthdate/d",
    "deceased",
    "inactive",
    "email",
    "phone",
    "address",
    "address/lines",
    "address/lines/0",
    "address/city",
    "address/state",
    "address/postal_code",
    "address/country",
    "lookup_id",
    "id",
];
const OF_NOTES: [&str; 8] = ["type", "summary", "text", "date", "date/y", "date/m", "date/d", "author"];

#[tokio::test]
async fn new_constituents_are_taken_as_described() {
    let ((_folder, service), document) = (Service::fresh().await, Document::read());
    let person = bodies(&json!({"last_name": "X"}), &OF_CONSTITUENTS);
    compare(&document, &service, "create-constituent", "/constituents", &person).await;
    let organization = bodies(&json!({"type": "Organization", "name": "Choir"}), &["name", "inactive", "email"]);
    compare(&document, &service, "create-constituent", "/constituents", &organization).await;
    let nameless = [json!({"type": "Organization"}), json!({"type": "Organization", "last_name": "X"})];
    compare(&document, &service, "create-constituent", "/constituents", &nameless).await;
    service.stop().await;
}

#[tokio::test]
async fn changes_of_constituents_are_taken_as_described() {
    let ((_folder, service), document) = (Service::fresh().await, Document::read());
    // A new record for each member, so that one change isn't in the way of the next.
    for (at, member) in OF_CONSTITUENTS.iter().enumerate() {
        let path = format!("/constituents/{}", 1 + at);
        compare(&document, &service, "update-constituent", &path, &bodies(&json!({}), &[member])).await;
    }
    service.stop().await;
}

#[tokio::test]
async fn notes_are_taken_as_described() {
    let ((_folder, service), document) = (Service::fresh().await, Document::read());
    let mut new = bodies(&json!({"summary": "X"}), &OF_NOTES);
    new.extend([20_000, 20_001].map(|length| json!({"summary": "X", "text": "x".repeat(length)})));
    compare(&document, &service, "create-note", "/constituents/280/notes", &new).await;
    let ids = service.get("/constituents/280/notes?limit=1").await.accepted();
    let path = format!("/constituents/280/notes/{}", ids["value"][0]["id"].as_str().unwrap());
    compare(&document, &service, "update-note", &path, &bodies(&json!({}), &OF_NOTES)).await;
    service.stop().await;
}

/// The value of a query parameter's text, in the type of its schema.
fn typed(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("integer") if text.parse::<u64>().is_ok_and(|number| number.to_string() == text) => {
            json!(text.parse::<u64>().unwrap())
        }
        Some("boolean") if matches!(text, "true" | "false") => json!(text == "true"),
        Some("integer" | "boolean") => json!({"no": "such"}),
        _ => json!(text),
    }
}

#[tokio::test]
async fn parameters_are_taken_as_described() {
    let ((_folder, service), document) = (Service::fresh().await, Document::read());
    let (just, past) = ("x".repeat(200), "x".repeat(201));
    let texts = [
        "",
        "%20",
        "x",
        "%20x%20",
        "0",
        "1",
        "01",
        "%2B1",
        "-1",
        "1.0",
        "5000",
        "5001",
        "9007199254740992",
        "9007199254740993",
        "true",
        "false",
        "True",
        "%20true",
        "Individual",
        "individual",
        "Organization%20",
        &just,
        &past,
    ];
    let mut compared = 0;
    for operation in document.operations() {
        let query: Vec<&Value> = operation.parameters.iter().filter(|one| one["in"] == "query").collect();
        for parameter in &query {
            let schema = document.followed(&parameter["schema"]);
            let validator = document.validator(schema);
            let name = parameter["name"].as_str().unwrap();
            let others: String = query
                .iter()
                .filter(|other| other["required"] == true && other["name"] != name)
                .map(|other| format!("&{}=x", other["name"].as_str().unwrap()))
                .collect();
            for text in texts {
                let path = operation.path.replace("{constituent_id}", "280");
                let answer = service.get(&format!("{path}?{name}={text}{others}")).await;
                document.check(&operation, &answer);
                let plain = text.replace("%20", " ").replace("%2B", "+");
                let expected = if validator.is_valid(&typed(schema, &plain)) { 200 } else { 400 };
                assert_eq!(answer.status, expected, "{}: {name}={text}: {}", operation.id, answer.body);
                compared += 1;
            }
            let twice = service.get(&format!("{}?{name}=1&{name}=1{others}", operation.path)).await;
            assert!(matches!(twice.status, 400 | 404), "{}: {name}", operation.id);
            if parameter["required"] == true {
                service.get(&operation.path).await.refused(400);
            }
        }
    }
    assert!(compared > 100, "{compared}");
    service.stop().await;
}

#[tokio::test]
async fn every_operation_is_described_and_every_answer_is_as_described() {
    let ((_folder, service), document) = (Service::fresh().await, Document::read());
    let operations = document.operations();
    let paths: std::collections::BTreeSet<&str> = operations.iter().map(|one| one.path.as_str()).collect();
    for path in &paths {
        let real = path.replace("{constituent_id}", "9999").replace("{note_id}", "1");
        for method in ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"] {
            let is_described = operations.iter().any(|one| one.path == *path && one.method == method);
            let answer = service.send(method, &real, &[], b"").await;
            assert_eq!(answer.status != 405, is_described, "{method} {path}: {}", answer.status);
        }
    }
    for operation in &operations {
        let permission = operation.told["x-limen-permission"].as_str().unwrap();
        let verb = if operation.method == "GET" { "read" } else { "write" };
        assert!(permission.ends_with(verb), "{}: {permission}", operation.id);
        let of = |constituent: &str, note: &str| {
            operation.path.replace("{constituent_id}", constituent).replace("{note_id}", note)
        };
        let fields: &[(&str, &str)] = &[("Limen-User", limen_sample::RESTRICTED_USER), JSON];
        for path in [of("279", "99999"), of("9999", "1"), of("x", "x"), of("101", "1"), of("279", "%FF")] {
            for body in [&b"{}"[..], b"", b"nonsense"] {
                document.check(operation, &service.send(&operation.method, &path, fields, body).await);
            }
        }
        let plain = service.send(&operation.method, &of("278", "1"), &[], b"{}").await;
        document.check(operation, &plain);
        if operation.told.get("requestBody").is_some() {
            plain.refused(415);
        }
    }
    let everything = service.get("/constituents?limit=5000").await;
    document.check(&document.operation("list-constituents"), &everything);
    let found = service.get("/constituents/search?search_text=an&limit=2").await;
    assert!(found.json()["next_link"].is_string());
    document.check(&document.operation("search-constituents"), &found);
    let notes = service.get("/constituents/280/notes?limit=1").await;
    document.check(&document.operation("list-notes"), &notes);
    let first = notes.json()["value"][0]["id"].as_str().unwrap().to_owned();
    let note = service.get(&format!("/constituents/280/notes/{first}")).await;
    document.check(&document.operation("get-note"), &note);
    document.check(&document.operation("get-constituent"), &service.get("/constituents/280").await);
    service.stop().await;
}
