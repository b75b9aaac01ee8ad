//! A document in, an API published; the document again, and what changes for callers; the API out, as a document.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use limen_testbed::{Limen, RawService, Reply, Service, Settings};
use serde_json::{Value, json};

use crate::stage::{BINARY, KEY};

/// A shop's document; its service is at `target`.
fn shop(target: &str) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Shop", "version": "2.1"},
        "servers": [{"url": format!("{target}/shop/v2")}],
        "x-gateway": {"uri": target},
        "paths": {
            "/orders": {
                "get": {"operationId": "listOrders", "summary": "All orders",
                    "parameters": [{"name": "limit", "in": "query", "required": true, "schema": {"type": "integer", "maximum": 50, "default": 5}}],
                    "responses": {"200": {"description": "Orders.", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}}}}}},
                "post": {"operationId": "addOrder",
                    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
                    "responses": {"201": {"description": "Made."}}}}
        },
        "components": {"schemas": {"Order": {"type": "object", "required": ["what"], "properties": {
            "what": {"type": "string", "maxLength": 20}, "note": {"type": "string", "nullable": true},
            "more": {"$ref": format!("{target}/more.json#/More")}, "file": {"$ref": "file:///etc/passwd"}}}}}
    })
}

fn world() -> (Limen, Service) {
    (Limen::start(Settings::new(BINARY).argument("--no-sample")), Service::ok())
}

fn written(limen: &Limen, name: &str, document: &Value) -> String {
    let path = limen.folder().join(name);
    fs::write(&path, document.to_string()).unwrap();
    path.display().to_string()
}

fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(pointer).expect("a place") = value;
    changed
}

fn words(of: &Value) -> Vec<String> {
    let changes = of["changes"].as_array().expect("changes").iter();
    changes
        .map(|one| {
            format!(
                "{}: {} {} {}",
                one["weight"].as_str().unwrap(),
                one["subject"].as_str().unwrap(),
                one["place"].as_str().unwrap(),
                one["words"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn a_document_is_published_with_one_curl_and_enforced() {
    let (limen, service) = world();
    let file = written(&limen, "shop.json", &shop(&service.url()));
    let told = limen.command(&["publish", &file, "--target", &service.url()]);
    assert_eq!(told.code, Some(0), "{told:#?}");
    let curl = told.stdout.lines().map(str::trim).find(|line| line.starts_with("curl ")).expect("a curl");
    assert!(curl.contains("/shop/v2/orders?limit=1"), "{curl}");
    let run = Command::new("sh").args(["-c", &curl.replace("curl -i", "curl -s -i")]).output().unwrap();
    assert!(String::from_utf8_lossy(&run.stdout).contains("200 OK"), "{curl}: {run:?}");
    assert_eq!(service.last().target, "/orders?limit=1");
    let key = curl.split("limen_sub_").nth(1).and_then(|rest| rest.split(['\'', '"', ' ']).next()).expect("a key");
    let key = format!("limen_sub_{key}");
    let headers = [(KEY, key.as_str())];
    let before = service.requests().len();
    let refused =
        limen.http().post("/shop/v2/orders", &headers, r#"{"what": "a word that is far too long", "note": null}"#);
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("schema-violation")), "{refused:?}");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/what");
    let refused = limen.http().get("/shop/v2/orders?limit=51", &headers);
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("parameter-invalid")), "{refused:?}");
    assert_eq!(limen.http().get("/shop/v2/else", &headers).status, 404);
    // The service saw nothing of all this: neither the refused calls nor anybody who followed a reference.
    assert_eq!(service.requests().len(), before);
    assert_eq!(limen.http().post("/shop/v2/orders", &headers, r#"{"what": "tea"}"#).status, 200);
    // What is not enforced is told.
    assert!(told.stdout.contains("Not enforced") && told.stdout.contains("$ref"), "{}", told.stdout);
}

#[test]
fn importing_again_tells_what_changes_for_callers() {
    let (limen, service) = world();
    let document = shop(&service.url());
    let file = written(&limen, "shop.json", &document);
    let untold = limen.command(&["api", "import", &file, "--base-path", "/shop"]);
    assert_eq!(untold.code, Some(2), "{untold:#?}");
    assert!(untold.stderr.contains("--target") && untold.stderr.contains(&service.url()), "{untold:#?}");
    let first = limen.json(&["api", "import", &file, "--base-path", "/shop", "--target", &service.url()]);
    assert_eq!(first["import"]["is_new"], true, "{first}");
    assert_eq!((&first["import"]["api"], &first["operations"]), (&json!("shop"), &json!(2)));
    let same = limen.json(&["api", "import", &file, "--name", "shop"]);
    assert_eq!((&same["import"]["unchanged"], &same["import"]["difference"]["breaking"]), (&json!(true), &json!(0)));

    let narrower = with(&document, "/components/schemas/Order/properties/what/maxLength", json!(10));
    let newer = written(&limen, "newer.json", &narrower);
    let expected = "breaking: schema Order /what its greatest length is 10 instead of 20 (in requests)";
    for arguments in [["api", "diff", &newer, "--name", "shop"].as_slice(), &["api", "diff", &file, &newer]] {
        let told = limen.command(&[arguments, &["--output", "json"]].concat());
        assert_eq!(told.code, Some(1), "{told:#?}");
        let difference: Value = serde_json::from_str(&told.stdout).unwrap();
        assert!(words(&difference).contains(&expected.to_owned()), "{difference}");
    }
    assert_eq!(limen.command(&["api", "diff", &file, "--name", "shop"]).code, Some(0));
    // Refused and dry runs leave everything as it is; an import without a word applies, and says it loudly.
    let refused = limen.command(&["api", "import", &newer, "--base-path", "/shop", "--refuse-breaking"]);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("nothing was imported"), "{refused:#?}");
    assert_eq!(limen.command(&["api", "import", &newer, "--name", "shop", "--dry-run"]).code, Some(0));
    assert_eq!(limen.command(&["api", "diff", &file, "--name", "shop"]).stdout.trim(), "Nothing changes for callers.");
    let applied = limen.command(&["api", "import", &newer, "--name", "shop"]);
    assert_eq!(applied.code, Some(0), "{applied:#?}");
    assert!(applied.stdout.contains("BREAKING") && applied.stdout.contains("Undo it"), "{}", applied.stdout);
    assert_eq!(limen.command(&["api", "diff", &newer, "--name", "shop"]).code, Some(0));
    let shown = limen.command(&["api", "show", "shop"]).stdout;
    assert!(shown.contains("validate") && shown.contains("schema") && shown.contains("version 2.1"), "{shown}");
}

#[test]
fn a_published_api_is_told_as_a_document() {
    let (limen, service) = world();
    let file = written(&limen, "shop.json", &shop(&service.url()));
    limen.json(&["publish", &file, "--target", &service.url(), "--base-path", "/shop", "--name", "shop"]);
    let told: Value = serde_json::from_str(&limen.command(&["api", "export", "shop"]).stdout).expect("JSON");
    assert_eq!((&told["openapi"], &told["info"]["version"]), (&json!("3.1.0"), &json!("2.1")));
    assert_eq!(told["servers"][0]["url"], format!("http://{}/shop", limen.gateway()));
    assert_eq!(told["paths"]["/orders"]["get"]["security"], json!([{"limen-key": []}]));
    let text = told.to_string();
    assert!(!text.contains(&service.url()) && !text.contains("x-gateway") && !text.contains("passwd"), "{text}");
    let answer = limen.pages().get("/apis/shop/openapi.json", &[]);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(answer.json(), told);
    // As YAML it is the same, and imports.
    let yaml = limen.folder().join("shop.yaml");
    fs::write(&yaml, limen.command(&["api", "export", "shop", "--format", "yaml"]).stdout).unwrap();
    let again = limen.command(&["api", "diff", &yaml.display().to_string(), "--name", "shop"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    // It follows what is published, and strangers learn nothing of a private API.
    assert_eq!(limen.pages().get("/apis/none/openapi.json", &[]).status, 404);
    limen.apply(&format!("apis: [{{name: shop, base_path: /shop, target: '{}', visibility: private}}]", service.url()));
    let unknown = |name: &str| {
        let answer = limen.pages().get(&format!("/apis/{name}/openapi.json"), &[("accept", "application/json")]);
        (answer.status, answer.text())
    };
    assert_eq!(unknown("shop"), unknown("none"));
    assert_eq!(limen.command(&["api", "export", "shop"]).code, Some(0));
    let none = limen.command(&["api", "export", "shopp"]);
    assert!(none.code == Some(1) && none.stderr.contains("Did you mean 'shop'?"), "{none:#?}");
}

#[test]
fn an_address_is_asked_once_by_the_command_and_never_followed_on() {
    let (limen, service) = world();
    let document = shop(&service.url()).to_string();
    let teller = Service::start(move |seen| match seen.target.as_str() {
        "/openapi.json" => Reply::json(200, &serde_json::from_str::<Value>(&document).unwrap()),
        "/moved" => Reply::status(302).header("location", "/openapi.json"),
        "/huge" => Reply::status(200).body(vec![b' '; (32 << 20) + 1]),
        _ => Reply::status(404),
    });
    let url = |path: &str| format!("http://localhost:{}{path}", teller.address().port());
    let import =
        |place: &str| limen.command(&["api", "import", place, "--base-path", "/shop", "--target", &service.url()]);
    let told = import(&url("/openapi.json"));
    assert_eq!(told.code, Some(0), "{told:#?}");
    assert_eq!(teller.requests().len(), 1);
    for (path, words) in [("/moved", "leads elsewhere"), ("/none", "answers 404"), ("/huge", "larger than")] {
        let refused = import(&url(path));
        assert!(refused.code == Some(1) && refused.stderr.contains(words), "{path}: {refused:#?}");
    }
    assert!(teller.requests().iter().filter(|seen| seen.target == "/openapi.json").count() == 1);
    let hanging = RawService::start(|_, stream| {
        let mut stream = stream;
        let mut some = [0_u8; 1024];
        // It never answers; the end of the connection is the command's doing.
        while matches!(std::io::Read::read(&mut stream, &mut some), Ok(count) if count > 0) {}
    });
    let late = import(&format!("{}/openapi.json", hanging.url()));
    assert!(late.code == Some(1) && late.stderr.contains("within 5 s"), "{late:#?}");
    let metadata = import("http://169.254.169.254/openapi.json");
    assert!(metadata.code == Some(2) && metadata.stderr.contains("link-local"), "{metadata:#?}");
    for place in ["file:///etc/passwd", "/nowhere/openapi.json"] {
        assert_eq!(import(place).code, Some(2), "{place}");
    }
    // Nobody followed the references in the document.
    assert_eq!(service.requests().len(), 0);
}

#[test]
fn a_document_comes_by_standard_input_too() {
    let (limen, service) = world();
    let mut piped = Command::new(BINARY)
        .args(["api", "import", "-", "--name", "shop", "--target", &service.url(), "--data-dir"])
        .arg(limen.data_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let document = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths:\n  /a:\n    get: {responses: {200: {description: ok}}}\n";
    piped.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    let output = piped.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let broken = written(&limen, "broken.json", &json!({"openapi": "3.1.0"}));
    fs::write(&broken, "openapi: 3.1.0\npaths: [").unwrap();
    let refused = limen.command(&["api", "import", &broken, "--name", "shop"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("broken.json:"), "{refused:#?}");
}
