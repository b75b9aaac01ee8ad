//! What a document says of where its service is: the path to publish under, and a target to suggest.

use super::Servers;
use super::loss::Effect;
use super::reading::{At, Reading, shown};
use crate::declared::{check_base_path, check_target};

/// What the first server says.
pub(super) fn first(reading: &mut Reading<'_>) -> Servers {
    let Some(list) = reading.whole().member("servers") else { return Servers::default() };
    let all: Vec<At<'_>> = list.elements().collect();
    if all.len() > 1 {
        let why = "an API is published once, under the path of the first";
        let words = "the others are not known here";
        reading.lose(Effect::OnlyDescribed, &list.pointer, "further servers", why, words);
    }
    let Some(at) = all.first() else { return Servers::default() };
    let Some(url) = at.text("url").and_then(|url| filled(url, at)) else {
        let why = "a variable in it has no default";
        reading.lose(Effect::OnlyDescribed, &at.pointer, "a server", why, "say base path and target yourself");
        return Servers::default();
    };
    let servers = of_url(&url);
    if servers == Servers::default() && !matches!(&*url, "/" | "") {
        let why = "nothing can be published under its path, nor reached at its address";
        let construct = format!("server {}", shown(&url));
        reading.lose(Effect::OnlyDescribed, &at.pointer, &construct, why, "say base path and target yourself");
    }
    servers
}

/// A URL with its variables replaced by their defaults.
fn filled(url: &str, at: &At<'_>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = url;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, following) = after.split_once('}')?;
        filled.push_str(before);
        let default = at.value.get("variables")?.get(name)?.get("default")?;
        match default {
            serde_json::Value::String(text) => filled.push_str(text),
            serde_json::Value::Number(number) => filled.push_str(&number.to_string()),
            _ => return None,
        }
        rest = following;
        if filled.len() > 2_000 {
            return None;
        }
    }
    filled.push_str(rest);
    Some(filled)
}

fn of_url(url: &str) -> Servers {
    let url = url.trim().trim_end_matches('/');
    let after_scheme = url.split_once("://").map(|(_, rest)| rest).or_else(|| url.strip_prefix("//"));
    let path = match after_scheme {
        Some(rest) => rest.split_once('/').map(|(_, path)| format!("/{path}")),
        None => Some(format!("/{}", url.trim_start_matches("./").trim_start_matches('/'))),
    };
    let path = path.map(|path| {
        let kept: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        format!("/{}", kept.join("/"))
    });
    Servers {
        base_path: path.filter(|path| check_base_path(path).is_ok()),
        target: Some(url.to_owned()).filter(|url| url.contains("://") && check_target(url).is_ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, base_path, target) in [
            ("https://api.example.org/v1/", Some("/v1"), Some("https://api.example.org/v1")),
            ("http://localhost:9000", None, Some("http://localhost:9000")),
            ("/api/v3", Some("/api/v3"), None),
            ("api/v3/", Some("/api/v3"), None),
            ("./v1", Some("/v1"), None),
            ("/", None, None),
            ("", None, None),
            ("ftp://example.org/x", Some("/x"), None),
            ("https://user:secret@example.org/x", Some("/x"), None),
            ("https://example.org/a?b=c", None, None),
            ("//example.org/v1", Some("/v1"), None),
        ] {
            let read = of_url(url);
            assert_eq!((read.base_path.as_deref(), read.target.as_deref()), (base_path, target), "{url}");
        }
    }
}
