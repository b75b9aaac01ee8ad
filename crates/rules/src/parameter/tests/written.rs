//! What is written by each style is read again: a writer of its own, and values by chance.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::model::{Api, Operation};
use crate::parameter::ready::Sources;
use crate::parameter::{Given, LiveParameters, sources};

/// The one parameter of an operation, as declared.
pub(super) fn live(parameter: &Value) -> LiveParameters {
    let operation = json!({"name": "read", "method": "GET", "path": "/things/{v}", "parameters": [parameter]});
    let api = json!({
        "name": "a", "base_path": "/a", "validate": "schema", "cookies": true, "operations": [operation],
    });
    let api: Api = serde_json::from_value(api).expect("an API");
    let operation: &Operation = api.operations.first().expect("an operation");
    LiveParameters::compile(&api, operation, &crate::schema::Library::new(&api.schemas)).expect("parameters")
}

/// Percent-encoded, everything but letters, digits and `-_~`: a dot is a label's delimiter.
fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The value by the tables of OpenAPI 3.1 §4.8.12.4, the name being `v`.
fn write(value: &Value, style: &str, explode: bool, escape: fn(&str) -> String) -> String {
    let one = |value: &Value| escape(&plain(value));
    let join = |pieces: Vec<String>, by: &str| pieces.join(by);
    let (list, members): (Vec<String>, Vec<(String, String)>) = match value {
        Value::Array(elements) => (elements.iter().map(one).collect(), Vec::new()),
        Value::Object(members) => {
            (Vec::new(), members.iter().map(|(name, value)| (escape(name), one(value))).collect())
        }
        scalar => (vec![one(scalar)], Vec::new()),
    };
    let flat = || members.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect::<Vec<_>>();
    let pairs = || members.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    let is_object = value.is_object();
    let comma = |explode: bool| match (is_object, explode) {
        (true, true) => join(pairs(), ","),
        (true, false) => join(flat(), ","),
        (false, _) => join(list.clone(), ","),
    };
    match (style, explode) {
        ("simple", explode) => comma(explode),
        ("label", false) => format!(".{}", comma(false)),
        ("label", true) => format!(".{}", join(if is_object { pairs() } else { list }, ".")),
        ("matrix", false) => format!(";v={}", comma(false)),
        ("matrix", true) if is_object => format!(";{}", join(pairs(), ";")),
        ("matrix", true) => list.iter().map(|one| format!(";v={one}")).collect(),
        ("form", true) if is_object => join(pairs(), "&"),
        (_, true) if !is_object => join(list.iter().map(|one| format!("v={one}")).collect(), "&"),
        ("form", false) => format!("v={}", comma(false)),
        ("spaceDelimited", _) => format!("v={}", join(if is_object { flat() } else { list }, "%20")),
        ("pipeDelimited", _) => format!("v={}", join(if is_object { flat() } else { list }, "|")),
        ("deepObject", _) => join(members.iter().map(|(name, value)| format!("v[{name}]={value}")).collect(), "&"),
        other => panic!("{other:?}"),
    }
}

/// The request's parts that hold a written value.
fn place(place: &str, written: &str) -> (String, String, HeaderMap) {
    let mut headers = HeaderMap::new();
    let (mut rest, mut query) = ("/things/x".to_owned(), String::new());
    match place {
        "path" => rest = format!("/things/{written}"),
        "query" => query = format!("other=1&{written}"),
        name => {
            let name: HeaderName = if name == "header" { "v" } else { "cookie" }.parse().expect("a name");
            headers.insert(name, HeaderValue::from_str(written).expect("a value"));
        }
    }
    (rest, query, headers)
}

/// What is read, the likeliest.
fn read(live: &LiveParameters, rest: &str, query: &str, headers: &HeaderMap) -> Result<Option<Value>, String> {
    let sources = Sources { rest, pairs: sources::pairs(query), headers, taken: &live.taken };
    let ready = live.checked.first().expect("a parameter");
    ready.likeliest(&sources)
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z][a-zA-Z0-9 ,.;=&+|/%_~-]{0,8}", "\\PC{1,6}"]
}

fn scalar() -> impl Strategy<Value = (Value, Value)> {
    prop_oneof![
        word().prop_map(|text| (json!({"type": "string"}), json!(text))),
        any::<i64>().prop_map(|number| (json!({"type": "integer"}), json!(number))),
        (-1e6..1e6).prop_map(|number: f64| (json!({"type": "number"}), json!(number))),
        any::<bool>().prop_map(|value| (json!({"type": "boolean"}), json!(value))),
    ]
}

/// A schema and a value of it; lists and objects have something in them, for what is empty isn't written at all.
fn value() -> impl Strategy<Value = (Value, Value)> {
    let list = prop_oneof![
        prop::collection::vec(word(), 1..5).prop_map(|texts| (json!({"type": "string"}), json!(texts))),
        prop::collection::vec(any::<i32>(), 1..5).prop_map(|numbers| (json!({"type": "integer"}), json!(numbers))),
    ];
    let list = list.prop_map(|(items, value)| (json!({"type": "array", "items": items}), value));
    let object = prop::collection::btree_map("[a-z]{1,6}", scalar(), 1..5).prop_map(|members| {
        let of = |which: fn(&(Value, Value)) -> &Value| -> Map<String, Value> {
            members.iter().map(|(name, pair)| (name.clone(), which(pair).clone())).collect()
        };
        (json!({"type": "object", "properties": of(|pair| &pair.0)}), Value::Object(of(|pair| &pair.1)))
    });
    prop_oneof![scalar(), list, object]
}

const STYLES: [(&str, &str); 9] = [
    ("path", "simple"),
    ("path", "label"),
    ("path", "matrix"),
    ("query", "form"),
    ("query", "spaceDelimited"),
    ("query", "pipeDelimited"),
    ("query", "deepObject"),
    ("header", "simple"),
    ("cookie", "form"),
];

/// Whether the style can write such a value at all.
fn can_write(place: &str, style: &str, explode: bool, value: &Value) -> bool {
    let texts: Vec<String> = match value {
        Value::Array(elements) => elements.iter().map(plain).collect(),
        Value::Object(members) => members.values().map(plain).collect(),
        scalar => vec![plain(scalar)],
    };
    let holds = |what: &[char]| texts.iter().any(|text| text.contains(what));
    let is_list = value.is_array() || value.is_object();
    match (place, style) {
        // Nothing is escaped there: what delimits, and spaces at the ends, can't be sent.
        ("header", _) => {
            !holds(&[',', '=']) && texts.iter().all(|text| text.is_ascii() && text.trim() == text && !text.is_empty())
        }
        ("cookie", _) => !explode || !is_list,
        (_, "deepObject") => value.is_object(),
        (_, "spaceDelimited") if is_list => !(explode && value.is_object()) && (explode || !holds(&[' '])),
        (_, "pipeDelimited") if is_list => !(explode && value.is_object()) && (explode || !holds(&['|'])),
        (_, "label") => !explode || !value.as_object().is_some_and(|members| members.values().any(Value::is_f64)),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Each style gives back the value that was written by it.
    #[test]
    fn what_is_written_is_read((schema, value) in value(), explode in any::<bool>(), style in 0..STYLES.len()) {
        let (at, style) = STYLES[style];
        prop_assume!(can_write(at, style, explode, &value));
        let escape: fn(&str) -> String = if at == "header" { str::to_owned } else { escape };
        let mut written = write(&value, style, explode, escape);
        if at == "cookie" {
            written = format!("first=1; {written}; last=2");
        }
        let live = live(&json!({
            "name": "v", "in": at, "required": true, "style": style, "explode": explode, "schema": schema,
        }));
        let (rest, query, headers) = place(at, &written);
        let found = read(&live, &rest, &query, &headers);
        let same = |found: &Value| match (found.as_f64(), value.as_f64()) {
            (Some(found), Some(value)) => found == value,
            _ => *found == value,
        };
        prop_assert!(
            matches!(&found, Ok(Some(found)) if same(found)),
            "{at} {style} {explode}: {value} was written {written} and read {found:?}"
        );
        let given = Given { rest: &rest, query: Some(&query), headers: &headers };
        prop_assert_eq!(live.check(&given), vec![]);
    }

    /// Whatever is sent, a check ends, names the parameter and keeps to its bounds.
    #[test]
    fn anything_is_read(
        texts in prop::collection::vec("[-a-z0-9v=&;,.|%\\[\\]+ 2C]{0,20}", 3),
        explode in any::<bool>(),
        style in 0..STYLES.len(),
        (schema, _) in value(),
    ) {
        let (at, style) = STYLES[style];
        let live = live(&json!({"name": "v", "in": at, "style": style, "explode": explode, "schema": schema}));
        let mut headers = HeaderMap::new();
        for name in ["v", "cookie"] {
            headers.append(name, HeaderValue::from_str(&texts[2]).expect("a value"));
        }
        let given = Given { rest: &format!("/things/{}", texts[0]), query: Some(&texts[1]), headers: &headers };
        for error in live.check(&given) {
            prop_assert!(error.pointer.starts_with("/v") && error.message.contains("'v'"), "{error:?}");
        }
    }
}
