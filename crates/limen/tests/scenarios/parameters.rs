//! Parameters as an operation describes them, and answers compared with what is described.

use limen_testbed::{Answer, Limen, Reply, Service, Settings, eventually};
use serde_json::{Value, json};

use crate::stage::BINARY;
use crate::telemetry::of_socket;

const WORLD: &str = r#"
apis:
  - name: shelf
    base_path: /shelf
    target: "{service}"
    access: open
    validate: schema
    check_answers: true
    operations:
      - name: read
        method: GET
        path: "/books/{id}/{mark}/{part}/{colour}"
        parameters:
          - {name: id, in: path, required: true, schema: {type: integer}}
          - {name: mark, in: path, required: true, style: label, explode: true, schema: {type: array, items: {type: integer}}}
          - {name: part, in: path, required: true, schema: {type: array, items: {type: integer}}}
          - {name: colour, in: path, required: true, style: matrix, schema: {type: array, items: {type: boolean}}}
          - {name: X-Sizes, in: header, schema: {type: array, items: {type: number}}}
      - name: list
        method: GET
        path: /books
        parameters:
          - {name: limit, in: query, required: true, schema: {type: integer, minimum: 1, maximum: 500}}
          - {name: ids, in: query, schema: {type: array, items: {type: integer}}}
          - {name: tags, in: query, style: pipeDelimited, schema: {type: array, items: {type: integer}}}
          - {name: words, in: query, style: spaceDelimited, schema: {type: array, items: {type: integer}}}
          - {name: codes, in: query, explode: false, schema: {type: array, items: {type: integer}}}
          - {name: filter, in: query, style: deepObject, schema: {type: object, properties: {year: {type: integer}}}}
          - {name: point, in: query, media_type: application/json, schema: {type: object}}
          - {name: api_token, in: query, schema: {type: integer}}
        answers:
          - status: "200"
            content: [{media_type: application/json, schema: {type: object, properties: {value: {type: array, items: {type: object, properties: {name: {type: string}}}}}}}]
          - {status: "404"}
      - name: make
        method: POST
        path: /books
        parameters: [{name: dry, in: query, schema: {type: boolean}}]
        body: {content: [{media_type: application/json, schema: {type: object, properties: {year: {type: integer}}}}]}
      - {name: loose, method: GET, path: /loose, validate: syntax, parameters: [{name: limit, in: query, required: true, schema: {type: integer}}]}
  - name: strict
    base_path: /strict
    target: "{service}"
    access: open
    validate: schema
    unknown_parameters: refuse
    operations: [{name: list, method: GET, path: /books, parameters: [{name: limit, in: query, schema: {type: integer}}]}]
  - {name: plain, base_path: /plain, target: "{service}", access: open}
"#;

struct Shelf {
    limen: Limen,
    service: Service,
}

impl Shelf {
    fn new() -> Self {
        let service = Service::ok();
        let limen = Limen::start(Settings::new(BINARY).config(&WORLD.replace("{service}", &service.url())));
        Self { limen, service }
    }

    fn get(&self, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.limen.http().get(target, fields)
    }

    /// The errors of a 400, each as `in pointer`.
    #[track_caller]
    fn refused(&self, target: &str, fields: &[(&str, &str)]) -> Vec<String> {
        let answer = self.get(target, fields);
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("parameter-invalid")), "{target}: {answer:?}");
        errors(&answer)
    }
}

fn errors(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let errors = body["errors"].as_array().expect("errors").iter();
    errors
        .map(|one| format!("{} {}", one["in"].as_str().expect("in"), one["pointer"].as_str().expect("pointer")))
        .collect()
}

#[test]
fn each_style_is_read_and_reaches_the_service_as_it_came() {
    let shelf = Shelf::new();
    let right = "/shelf/books/280/.1.2/3,4/;colour=true,false";
    assert_eq!(shelf.get(right, &[("x-sizes", "1.5, 2"), ("X-Sizes", "3")]).status, 200);
    assert_eq!(shelf.service.last().target, "/books/280/.1.2/3,4/;colour=true,false");
    let wrong = shelf.refused("/shelf/books/x/.1.b/3,c/;colour=true,d", &[("x-sizes", "1.5, e")]);
    assert_eq!(wrong, ["path /id", "path /mark/1", "path /part/1", "path /colour/1", "header /X-Sizes/1"]);
    let target = "/shelf/books?limit=5&ids=1&ids=2&tags=1|2%7C3&words=1%202+3&codes=1,2&filter[year]=2001&\
                  point=%7B%22x%22:1%7D&other=x";
    assert_eq!(shelf.get(target, &[]).status, 200);
    assert_eq!(shelf.service.last().target, target.strip_prefix("/shelf").expect("a base path"));
    let target =
        "/shelf/books?limit=x&ids=1&ids=a&tags=1|b&words=1%20c&codes=1,d&filter[year]=e&point={&api_token=hush";
    let answer = shelf.get(target, &[]);
    let wrong = errors(&answer);
    assert_eq!(
        wrong,
        [
            "query /limit",
            "query /ids/1",
            "query /tags/1",
            "query /words/1",
            "query /codes/1",
            "query /filter/year",
            "query /point",
            "query /api_token"
        ]
    );
    assert!(!answer.text().contains("hush"), "{answer:?}");
    assert_eq!(answer.json()["message"], "8 things are wrong with the request; errors lists them.");
    // A matrix stands where it is declared, and nowhere else.
    for path in
        ["/shelf/books/280/;mark=1/3/;colour=true", "/shelf/books;limit=5", "/shelf/books/;limit=5", "/plain/;x"]
    {
        assert_eq!(shelf.get(path, &[]).json()["code"], "malformed-request", "{path}");
    }
}

#[test]
fn what_is_missing_doubled_or_unknown_is_named() {
    let shelf = Shelf::new();
    assert_eq!(shelf.refused("/shelf/books", &[]), ["query /limit"]);
    let answer = shelf.get("/shelf/books?limit=", &[]);
    assert_eq!(answer.json()["message"], "The query parameter 'limit' is empty where it must be a whole number.");
    assert_eq!(shelf.refused("/shelf/books?limit=1&limit=1", &[]), ["query /limit"]);
    assert_eq!(shelf.refused("/shelf/books?limit=1&lim%69t=2", &[]), ["query /limit"]);
    assert_eq!(shelf.refused("/shelf/books?limit=501", &[]), ["query /limit"]);
    assert_eq!(shelf.refused("/shelf/books?limit=%FF", &[]), ["query /limit"]);
    let long = "y".repeat(2_000);
    let answer = shelf.get(&format!("/shelf/books?limit={long}"), &[]);
    assert!(answer.text().contains(&format!("{}…", "y".repeat(80))) && answer.text().len() < 2_000, "{answer:?}");
    let many: Vec<String> = (0..120).map(|at| format!("ids=x{at}")).collect();
    assert_eq!(shelf.refused(&format!("/shelf/books?limit=1&{}", many.join("&")), &[]).len(), 50);
    let before = shelf.service.hits();
    assert_eq!(shelf.refused("/strict/books?limt=1&subscription-key=x", &[]), ["query /limt"]);
    let message = shelf.get("/strict/books?limt=1", &[]).json()["message"].clone();
    assert_eq!(message, "The operation has no query parameter 'limt'. Did you mean 'limit'?");
    assert_eq!(shelf.service.hits(), before);
    assert_eq!(shelf.get("/strict/books?limit=1&subscription-key=x", &[]).status, 200);
    // A HEAD is its GET's operation; nothing is looked at where the operation says so.
    assert_eq!(shelf.limen.http().call("HEAD", "/shelf/books?limit=x", &[], None).status, 400);
    assert_eq!(shelf.limen.http().call("HEAD", "/shelf/books?limit=1", &[], None).status, 200);
    assert_eq!(shelf.get("/shelf/loose?limit=x", &[]).status, 200);
    assert_eq!(shelf.get("/plain/books?limit=x", &[]).status, 200);
}

#[test]
fn parameters_and_bodies_are_told_in_the_contract_s_order() {
    let shelf = Shelf::new();
    let json = ("Content-Type", "application/json");
    let post = |target: &str, fields: &[(&str, &str)], body: &str| {
        shelf.limen.http().call("POST", target, fields, Some(body.as_bytes()))
    };
    assert_eq!(post("/shelf/books?dry=true", &[json], "{}").status, 200);
    assert_eq!(post("/shelf/books?dry=maybe", &[], "a=1").status, 415, "the media type goes first");
    assert_eq!(errors(&post("/shelf/books?dry=maybe", &[json], "{}")), ["query /dry"]);
    assert_eq!(post("/shelf/books?dry=maybe", &[json], "{").json()["code"], "body-not-json");
    let both = post("/shelf/books?dry=maybe", &[json], r#"{"year": "x"}"#);
    assert_eq!(errors(&both), ["query /dry", "body /year"]);
    assert_eq!(shelf.service.hits(), 1);
}

fn report(limen: &Limen) -> Value {
    limen.json(&["api", "drift", "shelf"])
}

#[test]
fn answers_that_differ_are_told_to_operators_and_pass_as_they_are() {
    let shelf = Shelf::new();
    let body = |name: &Value| json!({"value": [{"name": "a"}, {"name": name}], "ada@example.org": 5}).to_string();
    let json = ("Content-Type", "application/json");
    let replies = [
        ("alike", Reply::status(200).header(json.0, json.1).body(body(&json!("b")))),
        ("other", Reply::status(200).header(json.0, json.1).body(body(&json!(77_777)))),
        ("chunks", Reply::status(200).header(json.0, json.1).chunked([r#"{"value":[{"na"#, r#"me":77777}]}"#])),
        ("broken", Reply::status(200).header(json.0, json.1).body("{\"value\"")),
        ("page", Reply::status(200).header("Content-Type", "text/html").body("<p>77777")),
        ("created", Reply::status(201).header(json.0, json.1).body("{}")),
        ("encoded", Reply::status(200).header(json.0, json.1).header("Content-Encoding", "gzip").body("77777")),
        ("large", Reply::status(200).header(json.0, json.1).body("7".repeat((1 << 20) + 1))),
        ("long", Reply::status(200).header(json.0, json.1).chunked(std::iter::repeat_n(&*"7".repeat(65_536), 17))),
        ("missing", Reply::status(404)),
        ("failing", Reply::status(500).header(json.0, json.1).body("{}")),
        ("empty", Reply::status(204)),
        ("events", Reply::status(200).header("Content-Type", "text/event-stream").body("data: 77777\n\n")),
    ];
    for (name, reply) in replies {
        shelf.service.answer(move |_| reply.clone());
        let target = format!("books?limit=1&which={name}");
        let (seen, plain) = (shelf.get(&format!("/shelf/{target}"), &[]), shelf.get(&format!("/plain/{target}"), &[]));
        assert_eq!(seen.status, plain.status, "{name}");
        let fields = |answer: &Answer| {
            let own = ["x-request-id", "date"];
            let all = answer.headers.iter().filter(|(name, _)| !own.contains(&&*name.to_lowercase())).cloned();
            all.collect::<Vec<_>>()
        };
        if seen.status == 200 {
            assert!(seen.body == plain.body, "{name}");
            assert_eq!(fields(&seen), fields(&plain), "{name}");
        }
    }
    let told = eventually("all answers are compared", || {
        let told = report(&shelf.limen);
        let compared = told["compared"].as_object().expect("counts");
        let sum: u64 = compared.values().filter_map(Value::as_u64).sum();
        (sum >= 12).then_some(told)
    });
    assert_eq!(told["compared"], json!({"alike": 2, "drifted": 7, "left_aside": 3, "dropped": 0}), "{told:#}");
    let mut words: Vec<&str> =
        told["lines"].as_array().expect("lines").iter().filter_map(|one| one["words"].as_str()).collect();
    words.sort_unstable();
    assert_eq!(
        words,
        [
            "200 is described as JSON and is not",
            "200 with media type text/html is not described",
            "200: /value/*/name breaks 'type' of its schema",
            "status 201 is not described",
            "status 204 is not described",
            "status 500 is not described",
        ]
    );
    let line = told["lines"].as_array().expect("lines").iter().find(|one| one["kind"] == "schema").expect("a line");
    assert_eq!((&line["answers"], &line["api"], &line["operation"]), (&json!(2), &json!("shelf"), &json!("list")));
    let id = line["request_id"].as_str().expect("an id");
    assert_eq!(shelf.limen.command(&["explain", id]).code, Some(0));
    let table = shelf.limen.command(&["api", "drift"]);
    let table = table.stdout;
    assert!(table.contains("shelf/list") && table.contains("/value/*/name"), "{table}");
    assert_ne!(shelf.limen.command(&["api", "drift", "shlf"]).code, Some(0));
    let told = told.to_string();
    let log = shelf.limen.stderr();
    assert!(log.contains("/value/*/name"), "{log}");
    for text in [&told, &table, &log] {
        assert!(!text.contains("77777") && !text.contains("ada@example"), "{text}");
    }
    let figures = of_socket(&shelf.limen);
    for line in
        ["limen_answers_drifted_total{api=\"shelf\"} 7\n", "limen_answers_compared_total{outcome=\"left_aside\"} 3\n"]
    {
        assert!(figures.contains(line), "{figures}");
    }
}
