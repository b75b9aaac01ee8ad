//! From a normalised path and a method to the API and operation that are meant.
//!
//! Base paths by longest prefix, operations by template with literal segments before parameters. A path that is
//! known with another method is as unknown as any other: 404.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::contract::{Cause, Refusal};
use crate::snapshot::{Catalog, LiveApi, LiveOperation};

/// Base paths of a catalog.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    /// Sorted by base path: on every call's way, and a search costs less there than a hash that withstands attacks.
    by_base_path: Vec<BasePath>,
}

#[derive(Clone, Debug)]
struct BasePath {
    /// Without a slash at its end.
    path: String,
    /// The index of its API.
    api: usize,
    /// Where in the table the longest other one stands that this one begins with, byte for byte.
    within: Option<usize>,
}

impl BasePath {
    /// Whether `path` is this one or lies under it.
    fn holds(&self, path: &str) -> bool {
        let rest = path.as_bytes().strip_prefix(self.path.as_bytes());
        rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
    }
}

impl RouteTable {
    /// A table over base paths in the order of the catalog's APIs.
    pub fn new<'a>(base_paths: impl Iterator<Item = &'a str>) -> Self {
        let trimmed = base_paths.map(|path| path.trim_end_matches('/').to_owned()).enumerate();
        let mut by_base_path: Vec<_> = trimmed.map(|(api, path)| BasePath { path, api, within: None }).collect();
        by_base_path.sort_by(|one, other| one.path.cmp(&other.path));
        for at in 0..by_base_path.len() {
            let (before, from) = by_base_path.split_at_mut(at);
            if let Some(one) = from.first_mut() {
                one.within = before.iter().rposition(|other| one.path.starts_with(&other.path));
            }
        }
        Self { by_base_path }
    }

    /// The index of the API whose base path is the longest prefix of `path`, and the rest of the path.
    fn find<'p>(&self, path: &'p str) -> Option<(usize, &'p str)> {
        let wanted = path.trim_end_matches('/');
        // Whatever `wanted` begins with, the last one up to it begins with too.
        let mut at = self.by_base_path.partition_point(|one| one.path.as_str() <= wanted).checked_sub(1);
        while let Some(one) = self.by_base_path.get(at?) {
            if one.holds(wanted) {
                return Some((one.api, path.get(one.path.len()..).unwrap_or_default()));
            }
            at = one.within;
        }
        None
    }
}

/// The operations of one API, by number of segments.
#[derive(Clone, Debug, Default)]
pub struct OperationTable {
    by_length: BTreeMap<usize, Vec<Template>>,
}

#[derive(Clone, Debug)]
struct Template {
    /// `None` is a parameter.
    segments: Vec<Option<Box<[u8]>>>,
    method: String,
    operation: usize,
}

impl Template {
    fn is_met_by(&self, method: &str, rest: &str) -> bool {
        let mut both = segments(rest).zip(&self.segments);
        self.method == method && both.all(|(segment, want)| want.as_deref().is_none_or(|want| want == segment))
    }
}

fn segments(path: &str) -> impl Iterator<Item = &[u8]> {
    path.as_bytes().split(|byte| *byte == b'/').filter(|segment| !segment.is_empty())
}

impl OperationTable {
    /// A table over (method, template) in the order of the API's operations.
    pub fn new<'a>(operations: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut by_length: BTreeMap<usize, Vec<Template>> = BTreeMap::new();
        for (operation, (method, path)) in operations.enumerate() {
            let segments: Vec<_> =
                segments(path).map(|segment| (!segment.starts_with(b"{")).then(|| segment.into())).collect();
            by_length.entry(segments.len()).or_default().push(Template {
                segments,
                method: method.to_owned(),
                operation,
            });
        }
        for templates in by_length.values_mut() {
            // A literal wins over a parameter, the leftmost difference deciding.
            templates.sort_by_key(|template| template.segments.iter().map(Option::is_none).collect::<Vec<_>>());
        }
        Self { by_length }
    }

    /// The index of the operation; a HEAD without an operation of its own is a GET.
    fn find(&self, method: &str, rest: &str) -> Option<usize> {
        let templates = self.by_length.get(&segments(rest).count())?;
        let find = |method: &str| {
            let met = templates.iter().find(|template| template.is_met_by(method, rest));
            met.map(|template| template.operation)
        };
        find(method).or_else(|| if method == "HEAD" { find("GET") } else { None })
    }
}

/// The proof that API and operation are known. It points into the catalog that the call is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Routed<'s> {
    /// The API.
    pub api: &'s Arc<LiveApi>,
    operation: &'s LiveOperation,
    /// Where in the normalised path the rest after the base path begins.
    pub rest_at: usize,
}

impl<'s> Routed<'s> {
    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &'s LiveOperation {
        self.operation
    }
}

/// The API whose base path a path lies under: what its CORS rules and challenges are told by, even on a 404 within.
#[derive(Clone, Copy, Debug)]
pub struct Located<'s> {
    /// The API.
    pub api: &'s Arc<LiveApi>,
    /// Where in the path the rest after the base path begins.
    rest_at: usize,
}

/// Finds the API that `path` lies under.
#[must_use]
pub fn locate<'s>(catalog: &'s Catalog, path: &str) -> Option<Located<'s>> {
    let (index, rest) = catalog.routes.find(path)?;
    Some(Located { api: catalog.apis.get(index)?, rest_at: path.len() - rest.len() })
}

/// Finds the operation; `located` is where `path` lies.
///
/// # Errors
/// 404 `resource-not-found`, naming what the caller sent.
pub fn route<'s>(located: Option<Located<'s>>, method: &str, path: &str) -> Result<Routed<'s>, Refusal> {
    let unknown = |detail: String| Refusal::new(Cause::ResourceNotFound).detail(detail);
    let Some(Located { api, rest_at }) = located else {
        return Err(
            unknown(format!("No API is published at {}.", shortened(path))).operator_words("no base path matches")
        );
    };
    let rest = path.get(rest_at..).unwrap_or_default();
    let operation = if method == "TRACE" || method == "CONNECT" {
        None
    } else if api.operations.is_empty() {
        Some(&api.any_operation)
    } else {
        api.table.find(method, rest).and_then(|index| api.operations.get(index))
    };
    // Some services drop what follows a semicolon: to them this path could be another operation than to us.
    if has_semicolon(rest) && !operation.is_some_and(|operation| semicolons_are_known(api, operation, rest)) {
        let words = "The path holds a semicolon, which services read in different ways. Leave it out.";
        return Err(Refusal::new(Cause::MalformedRequest).message(words).detail(words).error(
            "",
            crate::contract::Location::Path,
            words,
        ));
    }
    match operation {
        Some(operation) => Ok(Routed { api, operation, rest_at }),
        None => Err(unknown(format!("{} {} is not an operation of this API.", shortened(method), shortened(path)))
            .operator_words(format!("API {} has no such operation", api.api.name))),
    }
}

fn has_semicolon(path: &str) -> bool {
    path.bytes().any(|byte| matches!(byte, b';' | b'%')) && (path.contains(';') || path.contains("%3B"))
}

/// Whether every semicolon belongs to a matrix that the operation declares at that place; of an API without operations
/// nothing is known, and only a segment that is nothing to who drops what follows its semicolon is refused.
fn semicolons_are_known(api: &LiveApi, operation: &LiveOperation, rest: &str) -> bool {
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty());
    if api.operations.is_empty() {
        return segments.all(|segment| !segment.starts_with(';'));
    }
    let parameters = &operation.description.parameters;
    segments.enumerate().all(|(at, segment)| {
        !has_semicolon(segment) || parameters.has_matrix_at(at) && segment.starts_with(';') && !segment.contains("%3B")
    })
}

/// At most 200 characters of what the caller sent.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 200 {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(200).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_base_path_wins_at_a_segment_s_end() {
        let table = RouteTable::new(["/a", "/a/b/", "/"].into_iter());
        assert_eq!(table.find("/a/b/c"), Some((1, "/c")));
        assert_eq!(table.find("/a/bc"), Some((0, "/bc")));
        assert_eq!(table.find("/a"), Some((0, "")));
        assert_eq!(table.find("/z/y"), Some((2, "/z/y")));
        assert_eq!(RouteTable::new(["/a"].into_iter()).find("/ab"), None);
        assert_eq!(RouteTable::new(["/a"].into_iter()).find("/"), None);
        let table = RouteTable::new(["/a", "/a-b", "/a/b/c", "/a-b/c"].into_iter());
        assert_eq!(table.find("/a/c"), Some((0, "/c")), "others are between it and the path in order");
        assert_eq!(table.find("/a/b/d"), Some((0, "/b/d")));
        assert_eq!(table.find("/a-b/d/"), Some((1, "/d/")));
        assert_eq!((table.find("/a-bc/d"), table.find("/a-"), table.find("a")), (None, None, None));
    }

    #[test]
    fn literals_win_over_parameters_and_head_falls_back_to_get() {
        let table = OperationTable::new(
            [("GET", "/c/{id}"), ("GET", "/c/search"), ("POST", "/c"), ("GET", "/{kind}/search"), ("GET", "/")]
                .into_iter(),
        );
        assert_eq!(table.find("GET", "/c/search"), Some(1));
        assert_eq!(table.find("GET", "/c/280"), Some(0));
        assert_eq!(table.find("HEAD", "/c/280"), Some(0));
        assert_eq!(table.find("GET", "/x/search"), Some(3));
        assert_eq!(table.find("GET", "/c"), None);
        assert_eq!(table.find("GET", ""), Some(4));
        assert_eq!(table.find("DELETE", "/c/280"), None);
    }
}
