//! Parameters of operations: those of the path and of the operation together, their style, their schema.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::content::media_type;
use super::loss::Effect;
use super::reading::{At, Reading};
use super::template::{Template, plain_name};
use crate::declared::{is_reserved_header, is_token};
use crate::media::MediaType;
use crate::model::{Api, DEFAULT_KEY_HEADER, KEY_QUERY_PARAMETER, Parameter, ParameterPlace, ParameterStyle};

/// More than this of one operation are told as lost.
const PARAMETERS_MAX: usize = 500;
/// A longer name is told as lost.
const NAME_BYTES_MAX: usize = 200;
const NOT_LOOKED_AT: &str = "its value is not looked at";

/// The fields of a parameter.
const FIELDS: [&str; 13] = [
    "name",
    "in",
    "description",
    "required",
    "deprecated",
    "allowEmptyValue",
    "style",
    "explode",
    "allowReserved",
    "schema",
    "content",
    "example",
    "examples",
];

/// What is Limen's own among what a document may call parameters.
pub(super) struct Own {
    /// Headers that carry the key, in lower case.
    key_headers: Vec<String>,
    /// Whether the query may carry it.
    key_in_query: bool,
    /// Whether cookies pass.
    cookies: bool,
}

impl Own {
    /// That of an API.
    pub(super) fn of(api: &Api) -> Self {
        let headers = std::iter::once(&api.key.header).chain(&api.key.aliases);
        Self {
            key_headers: headers.map(|header| header.to_ascii_lowercase()).collect(),
            key_in_query: api.key.query_parameter,
            cookies: api.cookies,
        }
    }

    fn is_key(&self, place: ParameterPlace, name: &str) -> bool {
        match place {
            ParameterPlace::Header => self.carries_key(name),
            ParameterPlace::Query => self.key_in_query && name == KEY_QUERY_PARAMETER,
            ParameterPlace::Path | ParameterPlace::Cookie => false,
        }
    }

    /// Whether a header carries the key.
    pub(super) fn carries_key(&self, header: &str) -> bool {
        self.key_headers.contains(&header.to_ascii_lowercase())
    }
}

/// The parameters of an operation, those of its path first.
pub(super) fn all<'d>(
    reading: &mut Reading<'d>,
    own: &Own,
    at: &At<'d>,
    item: &At<'d>,
    template: &Template,
) -> Vec<Parameter> {
    let nearer = list(reading, own, at, template);
    let mut seen: HashSet<_> = nearer.iter().map(|one| (one.place, known(one))).collect();
    let mut parameters: Vec<Parameter> =
        list(reading, own, item, template).into_iter().filter(|one| seen.insert((one.place, known(one)))).collect();
    parameters.extend(nearer);
    if parameters.len() > PARAMETERS_MAX {
        let why = "an operation has 500 at most";
        reading.lose(Effect::NotEnforced, &at.pointer, "further parameters", why, NOT_LOOKED_AT);
        parameters.truncate(PARAMETERS_MAX);
    }
    parameters
}

fn list<'d>(reading: &mut Reading<'d>, own: &Own, holder: &At<'d>, template: &Template) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut seen = HashSet::new();
    let elements: Vec<At<'d>> = holder.member("parameters").iter().flat_map(At::elements).collect();
    for at in elements {
        if !reading.works() {
            break;
        }
        let Some(at) = reading.followed(at, "a parameter", Effect::NotEnforced, NOT_LOOKED_AT) else { continue };
        let Some(parameter) = one(reading, own, &at, template) else { continue };
        if seen.insert((parameter.place, known(&parameter))) {
            parameters.push(parameter);
        } else {
            let why = "one of that name stands there already";
            reading.lose(Effect::NotEnforced, &at.pointer, "a parameter told twice", why, "the first one counts");
        }
    }
    parameters
}

/// What a parameter is known by.
fn known(parameter: &Parameter) -> String {
    match parameter.place {
        ParameterPlace::Header => parameter.name.to_ascii_lowercase(),
        _ => parameter.name.clone(),
    }
}

fn one<'d>(reading: &mut Reading<'d>, own: &Own, at: &At<'d>, template: &Template) -> Option<Parameter> {
    let (name, place) = name_and_place(reading, at)?;
    let is_header = place == ParameterPlace::Header;
    let lower = name.to_ascii_lowercase();
    // OpenAPI 3.1 §4.8.12.2.1: these three are told elsewhere.
    if own.is_key(place, name) || (is_header && matches!(&*lower, "accept" | "content-type" | "authorization")) {
        return None;
    }
    if is_header && lower.replace('_', "-").starts_with("limen-") && !lower.eq_ignore_ascii_case(DEFAULT_KEY_HEADER) {
        let why = "headers that begin with Limen- are Limen's own and never come from callers";
        reading.lose(Effect::NotEnforced, &at.pointer, &format!("header {name}"), why, NOT_LOOKED_AT);
        return None;
    }
    if is_header && is_reserved_header(&lower) {
        let why = "it frames the message or steers the connection";
        reading.lose(Effect::NotEnforced, &at.pointer, &format!("header {name}"), why, NOT_LOOKED_AT);
        return None;
    }
    if place == ParameterPlace::Query && name == KEY_QUERY_PARAMETER {
        let why = "a query parameter of that name is the subscription key and never reaches the service";
        reading.lose(Effect::NotEnforced, &at.pointer, KEY_QUERY_PARAMETER, why, NOT_LOOKED_AT);
        return None;
    }
    let name = if place == ParameterPlace::Path { in_template(reading, at, name, template)? } else { name.to_owned() };
    if place == ParameterPlace::Cookie && !own.cookies {
        let why = "cookies don't pass here unless the API says 'cookies: true'";
        reading.lose(Effect::NotEnforced, &at.pointer, "cookie parameters", why, NOT_LOOKED_AT);
    }
    reading.only(at, "a parameter", &FIELDS);
    let mut parameter = Parameter {
        name,
        place,
        required: at.is("required") || place == ParameterPlace::Path,
        style: None,
        explode: None,
        media_type: None,
        schema: None,
        deprecated: at.is("deprecated"),
    };
    if at.member("content").is_some() {
        content(reading, at, &mut parameter);
    } else if style(reading, at, &mut parameter) {
        let schema = at.member("schema").map(|schema| reading.schema(&schema));
        parameter.schema = schema.filter(|schema| *schema != Value::Bool(true));
    }
    let takes_objects = parameter.schema.as_ref().is_none_or(may_be_object);
    if parameter.style == Some(ParameterStyle::DeepObject) && !takes_objects {
        let why = "deepObject says how an object is written, and its schema takes none";
        reading.lose(Effect::NotEnforced, &at.pointer, "deepObject of something else", why, NOT_LOOKED_AT);
        (parameter.style, parameter.explode, parameter.schema, parameter.required) = (None, None, None, false);
    }
    if at.is("allowEmptyValue") && place == ParameterPlace::Query {
        parameter.schema = parameter.schema.map(|schema| json!({"anyOf": [schema, {"const": ""}]}));
    }
    Some(parameter)
}

/// Whether an object may fit a schema, as far as its outside tells.
fn may_be_object(schema: &Value) -> bool {
    let is_object = |kind: &Value| kind == "object";
    if let Some(told) = schema.get("type") {
        return is_object(told) || told.as_array().is_some_and(|several| several.iter().any(is_object));
    }
    let choices = ["anyOf", "oneOf"].into_iter().find_map(|keyword| schema.get(keyword)?.as_array());
    choices.is_none_or(|choices| choices.iter().any(may_be_object))
}

fn name_and_place<'d>(reading: &mut Reading<'d>, at: &At<'d>) -> Option<(&'d str, ParameterPlace)> {
    let name = at.text("name").filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX);
    let place = match at.text("in") {
        Some("path") => Some(ParameterPlace::Path),
        Some("query") => Some(ParameterPlace::Query),
        Some("header") => Some(ParameterPlace::Header),
        Some("cookie") => Some(ParameterPlace::Cookie),
        Some("querystring") => {
            let why = "the query is looked at parameter by parameter, not as a whole";
            reading.lose(Effect::NotEnforced, &at.pointer, "a parameter in: querystring", why, NOT_LOOKED_AT);
            return None;
        }
        _ => None,
    };
    let can_be_sent = |name: &&str| match place {
        Some(ParameterPlace::Header) => http::HeaderName::from_bytes(name.as_bytes()).is_ok(),
        Some(ParameterPlace::Cookie) => is_token(name),
        _ => !name.chars().any(char::is_control),
    };
    let named = name.filter(can_be_sent);
    if let (Some(name), Some(place)) = (named, place) {
        return Some((name, place));
    }
    let why = "it has no name that can be sent, or stands neither in path, query, header nor cookie";
    reading.lose(Effect::NotEnforced, &at.pointer, "an odd parameter", why, NOT_LOOKED_AT);
    None
}

/// What the path's template calls a parameter.
fn in_template(reading: &mut Reading<'_>, at: &At<'_>, name: &str, template: &Template) -> Option<String> {
    let candidates = [template.name(name).to_owned(), name.to_owned(), plain_name(name)];
    let found = candidates.into_iter().find(|name| template.parameters.contains(name));
    if found.is_none() {
        let shown: String = name.chars().take(60).filter(|one| !one.is_control()).collect();
        let why = "the path's template has no such parameter";
        reading.lose(Effect::NotEnforced, &at.pointer, &format!("path parameter {shown}"), why, NOT_LOOKED_AT);
    }
    found
}

/// A value written in a media type.
fn content<'d>(reading: &mut Reading<'d>, at: &At<'d>, parameter: &mut Parameter) {
    let entries: Vec<(&str, At<'d>)> = at.member("content").iter().flat_map(At::named).collect();
    let [(written, inner)] = entries.as_slice() else {
        let why = "it must have exactly one media type";
        return reading.lose(Effect::NotEnforced, &at.pointer, "content of a parameter", why, NOT_LOOKED_AT);
    };
    let read = media_type(written).filter(|name| MediaType::parse(name).is_some_and(|one| one.is_json()));
    let Some(name) = read else {
        let why = "a value in another form than JSON is not looked at";
        return reading.lose(Effect::NotEnforced, &inner.pointer, "content of a parameter", why, NOT_LOOKED_AT);
    };
    parameter.media_type = Some(name);
    let schema = inner.member("schema").map(|schema| reading.schema(&schema));
    parameter.schema = schema.filter(|schema| *schema != Value::Bool(true));
}

/// Reads style and explode; whether the value can be read by them.
fn style(reading: &mut Reading<'_>, at: &At<'_>, parameter: &mut Parameter) -> bool {
    use ParameterPlace::{Cookie, Header, Path, Query};
    use ParameterStyle::{DeepObject, Form, Label, Matrix, PipeDelimited, Simple, SpaceDelimited};
    if let Some(written) = at.member("style") {
        let style = match (written.value.as_str().unwrap_or_default(), parameter.place) {
            ("simple", Path | Header) => Some(Simple),
            ("label", Path) => Some(Label),
            ("matrix", Path) => Some(Matrix),
            ("form", Query | Cookie) => Some(Form),
            // 3.2: like form, nothing escaped.
            ("cookie", Cookie) => Some(Form),
            ("spaceDelimited", Query) => Some(SpaceDelimited),
            ("pipeDelimited", Query) => Some(PipeDelimited),
            ("deepObject", Query) => Some(DeepObject),
            _ => None,
        };
        if style.is_none() {
            let shown = super::reading::shown(written.value.as_str().unwrap_or("of no name"));
            let why = "a parameter at that place can't be written so";
            reading.lose(Effect::NotEnforced, &at.pointer, &format!("style {shown}"), why, NOT_LOOKED_AT);
            return false;
        }
        parameter.style = style;
    }
    parameter.explode = at.value.get("explode").and_then(Value::as_bool);
    true
}
