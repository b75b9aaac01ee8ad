//! The grammar of media types, parameters and lists (RFC 9110 §5.6): tokens, quoted strings, optional white space.

use super::MediaType;

/// Reads `type/subtype` and its parameters.
pub(super) fn media_type(value: &str) -> Option<MediaType> {
    let mut pieces = pieces(value, ';')?.into_iter();
    let (type_name, subtype) = pieces.next()?.split_once('/')?;
    if !is_token(type_name) || !is_token(subtype) {
        return None;
    }
    let mut parameters: Vec<(String, String)> = Vec::new();
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=')?;
        let (name, value) = (name.to_ascii_lowercase(), parameter_value(value)?);
        if !is_token(&name) || parameters.iter().any(|(known, _)| *known == name) {
            return None;
        }
        parameters.push((name, value));
    }
    Some(MediaType { type_name: type_name.to_ascii_lowercase(), subtype: subtype.to_ascii_lowercase(), parameters })
}

/// Splits at a separator outside quoted strings, without the white space around each piece. `None` where a quoted
/// string doesn't end.
pub(super) fn pieces(value: &str, separator: char) -> Option<Vec<&str>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, character) in value.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if is_quoted && character == '\\' {
            is_escaped = true;
        } else if character == '"' {
            is_quoted = !is_quoted;
        } else if character == separator && !is_quoted {
            pieces.push(trim(value.get(start..at)?));
            start = at + character.len_utf8();
        }
    }
    pieces.push(trim(value.get(start..)?));
    (!is_quoted).then_some(pieces)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn parameter_value(raw: &str) -> Option<String> {
    let Some(quoted) = raw.strip_prefix('"') else {
        return is_token(raw).then(|| raw.to_owned());
    };
    let mut value = String::with_capacity(quoted.len());
    let mut characters = quoted.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => value.push(characters.next()?),
            '"' => return None,
            _ => value.push(character),
        }
    }
    Some(value)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
