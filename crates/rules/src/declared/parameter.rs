//! Whether what operations say of their parameters is right: names, places, styles and schemas.

use std::collections::HashSet;
use std::sync::Arc;

use http::HeaderName;

use super::api::{is_reserved_header, is_token};
use super::description::check_schema;
use super::{Problems, nearest, shown};
use crate::media::MediaRange;
use crate::model::{Api, KEY_QUERY_PARAMETER, Operation, Parameter, ParameterPlace, ParameterStyle};
use crate::parameter::{DIRECTION, can_be_object};
use crate::schema::Library;

const PARAMETERS_MAX: usize = 500;
const NAME_CHARACTERS_MAX: usize = 200;

/// Adds what is wrong with the parameters of an operation.
pub(super) fn check(list: &str, api: &Api, operation: &Operation, library: &Arc<Library>, problems: &mut Problems) {
    if operation.parameters.len() > PARAMETERS_MAX {
        let message = format!("{} parameters are too many", operation.parameters.len());
        problems.add(list, message, format!("declare at most {PARAMETERS_MAX}"));
    }
    let mut seen = HashSet::new();
    for (at, one) in operation.parameters.iter().enumerate().take(PARAMETERS_MAX) {
        let field = format!("{list}[{at}]");
        let name = match one.place {
            ParameterPlace::Header => one.name.to_ascii_lowercase(),
            ParameterPlace::Path | ParameterPlace::Query | ParameterPlace::Cookie => one.name.clone(),
        };
        if !seen.insert((one.place, name)) {
            let message = format!("the {} parameter '{}' is declared twice", word(one.place), shown(&one.name));
            problems.add(format!("{field}.name"), message, "remove one of them");
        }
        check_name(&format!("{field}.name"), api, operation, one, problems);
        check_style(&field, api, one, problems);
        if let Some(schema) = &one.schema {
            check_schema(&format!("{field}.schema"), schema, library, DIRECTION, problems);
        }
    }
}

fn word(place: ParameterPlace) -> &'static str {
    match place {
        ParameterPlace::Path => "path",
        ParameterPlace::Query => "query",
        ParameterPlace::Header => "header",
        ParameterPlace::Cookie => "cookie",
    }
}

fn check_name(field: &str, api: &Api, operation: &Operation, one: &Parameter, problems: &mut Problems) {
    let name = &*one.name;
    if name.is_empty() {
        problems.add(field, "a parameter has no name", "give it the name that callers write");
        return;
    }
    problems.text(field.to_owned(), name, NAME_CHARACTERS_MAX);
    match one.place {
        ParameterPlace::Path => {
            let segments = operation.path.split('/');
            let named: Vec<&str> =
                segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
            if !named.contains(&name) {
                let message = format!("'{}' is no parameter of the path '{}'", shown(name), shown(&operation.path));
                let mend = match nearest(name, named.iter().copied()) {
                    Some(meant) => format!("call it {meant}, or remove it"),
                    None => format!("write {{{}}} as a segment of the path, or remove it", shown(name)),
                };
                problems.add(field, message, mend);
            }
        }
        ParameterPlace::Query if name == KEY_QUERY_PARAMETER => {
            let message = format!("'{KEY_QUERY_PARAMETER}' is the subscription key and never reaches the service");
            problems.add(field, message, "remove it; 'key.query_parameter' of the API says whether it is read");
        }
        ParameterPlace::Query => {}
        ParameterPlace::Header => check_header(field, api, name, problems),
        ParameterPlace::Cookie if !is_token(name) => {
            let message = format!("'{}' is not the name of a cookie", shown(name));
            problems.add(field, message, "use letters, digits, '-' and '_'");
        }
        ParameterPlace::Cookie => {}
    }
}

fn check_header(field: &str, api: &Api, name: &str, problems: &mut Problems) {
    let is_key = std::iter::once(&api.key.header).chain(&api.key.aliases).any(|key| key.eq_ignore_ascii_case(name));
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        let message = format!("'{}' is not the name of a header", shown(name));
        problems.add(field, message, "use letters, digits and '-'");
    } else if is_key {
        let message = format!("the header '{}' carries the subscription key", shown(name));
        problems.add(field, message, "remove it; the key is looked at before any parameter");
    } else if is_reserved_header(&name.to_ascii_lowercase()) {
        let mend = match &*name.to_ascii_lowercase() {
            "authorization" => "remove it; 'access' says whether a token is needed",
            "content-type" => "remove it; 'media_types' and 'body' say what bodies may be",
            "accept" => "remove it; 'answers' say what the service answers",
            _ => "remove it",
        };
        problems.add(field, format!("the header '{}' is no parameter: it has another meaning", shown(name)), mend);
    }
}

fn check_style(field: &str, api: &Api, one: &Parameter, problems: &mut Problems) {
    use ParameterStyle::{DeepObject, Form, Label, Matrix, PipeDelimited, Simple, SpaceDelimited};
    if let Some(media_type) = &one.media_type {
        if MediaRange::parse(media_type).is_none() {
            let message = format!("'{}' is not a media type", shown(media_type));
            problems.add(format!("{field}.media_type"), message, "write it like application/json");
        }
        if one.style.is_some() || one.explode.is_some() {
            let message = "a value that is written in a media type has no style";
            problems.add(format!("{field}.media_type"), message, "remove 'media_type', or 'style' and 'explode'");
        }
    }
    let Some(style) = one.style else { return };
    let (fits, mend) = match one.place {
        ParameterPlace::Path => (matches!(style, Simple | Label | Matrix), "use simple, label or matrix"),
        ParameterPlace::Query => (
            matches!(style, Form | SpaceDelimited | PipeDelimited | DeepObject),
            "use form, spaceDelimited, pipeDelimited or deepObject",
        ),
        ParameterPlace::Header => (style == Simple, "use simple"),
        ParameterPlace::Cookie => (style == Form, "use form"),
    };
    if !fits {
        let message = format!("a {} parameter can't have this style", word(one.place));
        problems.add(format!("{field}.style"), message, mend);
    } else if style == DeepObject && !can_be_object(api, one) {
        let message = "deepObject writes objects, and the schema takes none";
        problems.add(format!("{field}.style"), message, "use form, or a schema of type object");
    }
}
