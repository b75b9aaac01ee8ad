//! `limen api list`, `limen api show`, `limen api export` and `limen api drift`.

use limen_portal::wire::{ApiLine, TargetLine};
use limen_rules::declared::nearest;
use limen_rules::drift::DriftReport;
use limen_rules::model::{Api, Declared};

use super::table::{sheet, table};
use super::{Context, Trouble, read};
use crate::arguments::{ApiCommand, DocumentFormat, Output};

pub(super) fn run(context: &Context, command: ApiCommand) -> Result<String, Trouble> {
    match command {
        ApiCommand::List => context.show(context.admin.get("/v1/apis")?, |lines: Vec<ApiLine>| list(&lines)),
        ApiCommand::Import(asked) => super::import::run(context, &asked),
        ApiCommand::Diff { document, newer, name, base_path } => {
            let (newer, name, base_path) = (newer.as_deref(), name.as_deref(), base_path.as_deref());
            super::difference::run(context, &document, newer, name, base_path)
        }
        ApiCommand::Export { name, format } => {
            let answer = context.admin.get_declared(&format!("/v1/apis/{}/openapi", super::show::segment(&name)))?;
            let document: serde_json::Value = read(&answer)?;
            Ok(match format {
                DocumentFormat::Json => format!("{document:#}\n"),
                DocumentFormat::Yaml => super::yaml::written(&document),
            })
        }
        ApiCommand::Drift { name } => {
            let path = match &name {
                Some(name) => format!("/v1/apis/{}/drift", super::show::segment(name)),
                None => "/v1/drift".to_owned(),
            };
            context.show(context.admin.get(&path)?, |report: DriftReport| drift(&report))
        }
        ApiCommand::Show { name } => {
            let declared: Declared = read(&context.admin.get_declared("/v1/declared")?)?;
            let Some(api) = declared.apis.iter().find(|api| *api.name == *name) else {
                let mend = match nearest(&name, declared.apis.iter().map(|api| &*api.name)) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => "list them with: limen api list".to_owned(),
                };
                return Err(Trouble::refused(format!("there is no API '{name}'"), mend));
            };
            let lines: Vec<ApiLine> = read(&context.admin.get("/v1/apis")?)?;
            match context.output {
                Output::Json => serde_json::to_string(&Shown { api, targets_now: targets_of(&lines, &api.name) })
                    .map_err(|error| Trouble::refused(format!("the API can't be written: {error}"), "report this")),
                Output::Table => Ok(show(api, &declared, &lines)),
            }
        }
    }
}

/// APIs, one to a line.
pub(super) fn list(lines: &[ApiLine]) -> String {
    if lines.is_empty() {
        return "No API is published. Publish one with: limen publish --target URL --base-path /PATH\n".to_owned();
    }
    let rows = lines
        .iter()
        .map(|line| vec![line.name.to_string(), line.base_path.clone(), line.target.clone(), line.products.join(", ")]);
    table(&["API", "BASE PATH", "TARGET", "PRODUCTS"], rows)
}

/// How answers differ from what is described, the latest first.
fn drift(report: &DriftReport) -> String {
    let compared = &report.compared;
    let [alike, drifted, left_aside, dropped, forgotten] =
        [compared.alike, compared.drifted, compared.left_aside, compared.dropped, report.forgotten]
            .map(super::show::number);
    let mut shown = format!(
        "Answers of all APIs since the start: {alike} as described, {drifted} otherwise, {left_aside} compared without \
         their bodies, {dropped} not compared because too many waited.\n"
    );
    if report.forgotten > 0 {
        shown.push_str(&format!("{forgotten} kinds gave way to later ones.\n"));
    }
    if report.lines.is_empty() {
        return shown + "No difference is known.\n";
    }
    let rows = report.lines.iter().map(|line| {
        let operation = format!("{}/{}", line.api, line.operation);
        let [answers, first, last] = [
            super::show::number(line.answers),
            super::show::time(line.first_at_us),
            super::show::time(line.last_at_us),
        ];
        vec![operation, super::show::plain(&line.words), answers, first, last, line.request_id.clone()]
    });
    shown.push('\n');
    shown + &table(&["OPERATION", "DIFFERENCE", "ANSWERS", "FIRST", "LAST", "LAST CALL"], rows)
}

/// A field's value in the words of `limen.yaml`.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// An API as declared, and how its targets stand.
#[derive(serde::Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    api: &'a Api,
    targets_now: &'a [TargetLine],
}

fn targets_of<'l>(lines: &'l [ApiLine], name: &str) -> &'l [TargetLine] {
    lines.iter().find(|line| *line.name == *name).map_or(&[], |line| line.targets.as_slice())
}

/// How targets stand, one to a line.
pub(super) fn targets(lines: &[ApiLine]) -> String {
    let rows = lines.iter().flat_map(|line| line.targets.iter().map(|target| (line.name.to_string(), target)));
    let rows = rows.map(|(api, target)| {
        let breaker = match target.next_try_in_ms {
            None => target.breaker.clone(),
            Some(0) => format!("{}, tried next", target.breaker),
            Some(ms) => format!("{}, tried in {}", target.breaker, super::show::span(ms.div_ceil(1_000))),
        };
        let [weight, in_flight] = [target.weight, target.in_flight].map(|count| super::show::number(count.into()));
        vec![api, target.url.clone(), weight, in_flight, breaker, target.health.clone()]
    });
    table(&["API", "TARGET", "WEIGHT", "IN FLIGHT", "BREAKER", "HEALTH"], rows)
}

/// That the API came from a document, and how to have it back.
fn document_words(api: &Api) -> String {
    let version =
        |name: &str| api.document.as_ref().and_then(|document| document.pointer(name)?.as_str().map(str::to_owned));
    match version("/info/version") {
        Some(version) => format!("version {version}; limen api export {} tells it", api.name),
        None => String::new(),
    }
}

fn show(api: &Api, declared: &Declared, lines: &[ApiLine]) -> String {
    let products: Vec<&str> = declared
        .products
        .iter()
        .filter(|product| product.apis.contains(&api.name))
        .map(|product| &*product.name)
        .collect();
    let key = if api.key.query_parameter {
        format!("header {} or the query parameter subscription-key", api.key.header)
    } else {
        format!("header {}", api.key.header)
    };
    let mut shown = sheet(&[
        ("API", api.name.to_string()),
        ("title", api.title.clone()),
        ("base path", api.base_path.clone()),
        ("target", api.target.clone().unwrap_or_default()),
        ("access", word(&api.access)),
        ("key", if api.access.needs_key() { key } else { String::new() }),
        ("products", products.join(", ")),
        ("visibility", word(&api.visibility)),
        ("contract", word(&api.contract)),
        ("validate", word(&api.validate)),
        ("schemas", if api.schemas.is_empty() { String::new() } else { api.schemas.len().to_string() }),
        ("document", document_words(api)),
        ("body", format!("at most {} bytes", super::show::number(api.body_max_bytes))),
    ]);
    let mut own = lines.iter().filter(|line| line.name == api.name).peekable();
    if own.peek().is_some_and(|line| !line.targets.is_empty()) {
        shown.push('\n');
        shown.push_str(&targets(&own.cloned().collect::<Vec<_>>()));
    }
    if api.operations.is_empty() {
        shown.push_str("\nNo operations are declared: every method and path below the base path passes.\n");
        return shown;
    }
    let rows = api.operations.iter().map(|operation| {
        let access = operation.access.unwrap_or(api.access);
        let permission = operation.permission.as_deref().unwrap_or("").to_owned();
        let request = format!("{} {}", operation.method, operation.path);
        let validate = operation.validate.unwrap_or(api.validate);
        let notes = if operation.deprecated { "deprecated" } else { "" };
        vec![operation.name.to_string(), request, word(&access), permission, word(&validate), notes.to_owned()]
    });
    shown.push('\n');
    shown + &table(&["OPERATION", "REQUEST", "ACCESS", "PERMISSION", "VALIDATE", "NOTE"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_with_its_operations() {
        let declared: Declared = serde_json::from_value(serde_json::json!({
            "apis": [{"name": "orders", "base_path": "/orders/v1", "target": "http://o", "access": "key+token",
                "operations": [
                    {"name": "list", "method": "GET", "path": "/orders", "permission": "order.read"},
                    {"name": "health", "method": "GET", "path": "/health", "access": "open"}]}],
            "products": [{"name": "standard", "apis": ["orders"]}, {"name": "other"}]
        }))
        .expect("a declared form");
        let expected = "\
API         orders
base path   /orders/v1
target      http://o
access      key+token
key         header Limen-Subscription-Key
products    standard
visibility  public
contract    strict
validate    syntax
body        at most 1,048,576 bytes

OPERATION  REQUEST      ACCESS     PERMISSION  VALIDATE  NOTE
list       GET /orders  key+token  order.read  syntax
health     GET /health  open                   syntax
";
        assert_eq!(show(&declared.apis[0], &declared, &[]), expected);
    }

    #[test]
    fn targets_tell_how_they_stand() {
        let lines: Vec<ApiLine> = serde_json::from_value(serde_json::json!([{
            "name": "orders", "base_path": "/o", "target": "", "products": [], "targets": [
                {"url": "http://a:9000", "weight": 3, "in_flight": 1_200, "answered": 5, "breaker": "closed",
                 "next_try_in_ms": null, "health": "healthy"},
                {"url": "http://b:9000", "weight": 1, "in_flight": 0, "answered": 0, "breaker": "open",
                 "next_try_in_ms": 3_100, "health": "not checked"}]
        }]))
        .expect("lines");
        let expected = "\
API     TARGET         WEIGHT  IN FLIGHT  BREAKER             HEALTH
orders  http://a:9000  3       1,200      closed              healthy
orders  http://b:9000  1       0          open, tried in 4 s  not checked
";
        assert_eq!(targets(&lines), expected);
    }

    #[test]
    fn no_api_is_told_with_the_way_out() {
        assert!(list(&[]).contains("limen publish"));
    }
}
