//! Path templates of a document to those that calls are routed by.

use crate::declared::check_template;

/// The names of parameters that were changed: as the document has it, and as the template has it.
pub(super) type Renamed = Vec<(String, String)>;

/// A path of a document as a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    /// As calls are routed by it.
    pub(super) path: String,
    /// The names of its parameters, as the template has them.
    pub(super) parameters: Vec<String>,
    /// Those that the document calls otherwise.
    pub(super) renamed: Renamed,
    /// Whether a slash at the end, or an empty segment, went.
    pub(super) slash_went: bool,
}

impl Template {
    /// What the template calls a parameter of the document.
    pub(super) fn name<'n>(&'n self, name: &'n str) -> &'n str {
        self.renamed.iter().find(|(from, _)| from == name).map_or(name, |(_, to)| to)
    }

    /// The template with all parameters alike: what calls can tell apart.
    pub(super) fn shape(&self) -> String {
        let plain = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
        self.path.split('/').map(plain).collect::<Vec<_>>().join("/")
    }
}

/// Reads a path of a document.
///
/// # Errors
/// Why no call can be routed by it.
pub(super) fn of(path: &str) -> Result<Template, String> {
    if !path.starts_with('/') {
        return Err("it does not begin with a slash".to_owned());
    }
    if path.contains(['?', '#']) {
        return Err("it holds a query or a fragment, and calls are told apart by their path alone".to_owned());
    }
    if path.contains(';') || path.to_ascii_uppercase().contains("%3B") {
        return Err("it holds a semicolon, which services read in different ways".to_owned());
    }
    let mut template = Template { slash_went: path.len() > 1 && has_empty_segment(path), ..Template::default() };
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let inner = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
        template.path.push('/');
        match inner.filter(|inner| !inner.contains(['{', '}'])) {
            Some(name) => {
                let renamed = plain(name, &template.parameters)?;
                template.path.push_str(&format!("{{{renamed}}}"));
                if renamed != name {
                    template.renamed.push((name.to_owned(), renamed.clone()));
                }
                template.parameters.push(renamed);
            }
            None if segment.contains(['{', '}']) => {
                return Err(format!("'{}' is part parameter, part text", shown(segment)));
            }
            None => template.path.push_str(segment),
        }
    }
    if template.path.is_empty() {
        template.path.push('/');
    }
    check_template(&template.path).map_err(|(message, _)| message)?;
    Ok(template)
}

fn has_empty_segment(path: &str) -> bool {
    path.split('/').skip(1).any(str::is_empty)
}

/// The characters of a parameter's name that a template can have.
pub(super) fn plain_name(name: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || one == '_' || one == '-';
    let mut plain: String = name.trim().chars().map(|one| if is_plain(one) { one } else { '_' }).collect();
    plain.truncate(60);
    plain
}

/// A parameter's name as a template can have it.
fn plain(name: &str, taken: &[String]) -> Result<String, String> {
    // `{+path}` and `{path*}` reach over slashes; no segment does.
    if name.starts_with(['+', '/', '?', '&', '#', '.', ';']) || name.ends_with('*') {
        return Err(format!("'{{{}}}' is more than one segment", shown(name)));
    }
    let plain = plain_name(name);
    if plain.is_empty() {
        return Err("a parameter in it has no name".to_owned());
    }
    let changed = plain != name;
    let mut free = plain.clone();
    for number in 2..=99 {
        if !taken.contains(&free) {
            return Ok(free);
        }
        if !changed {
            return Err(format!("the parameter '{}' stands in it twice", shown(name)));
        }
        free = format!("{plain}{number}");
    }
    Err("too many of its parameters are called alike".to_owned())
}

fn shown(text: &str) -> String {
    text.chars().take(60).filter(|one| !one.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_routed_is() {
        for (path, template) in [
            ("/", "/"),
            ("/pets", "/pets"),
            ("/pets/", "/pets"),
            ("//pets//{id}/", "/pets/{id}"),
            ("/pets/{pet-id}/owners/{owner_id}", "/pets/{pet-id}/owners/{owner_id}"),
            ("/users/{user.id}/x/{user id}", "/users/{user_id}/x/{user_id2}"),
            ("/a.b/~c:d@e", "/a.b/~c:d@e"),
        ] {
            let read = of(path).expect(path);
            assert_eq!(read.path, template, "{path}");
            assert_eq!(of(&read.path).map(|again| again.path), Ok(template.to_owned()));
        }
        assert_eq!(of("/users/{user.id}").expect("a template").name("user.id"), "user_id");
        assert_eq!(of("/a/{x}/{y}").expect("a template").shape(), "/a/{}/{}");
    }

    #[test]
    fn what_cannot_be_routed_is_told() {
        for path in [
            "pets",
            "",
            "/{a}.{b}",
            "/x{y}",
            "/{y}x",
            "/{a}{b}",
            "/a?b={c}",
            "/a#b",
            "/a;v=1",
            "/a%3bb",
            "/a b",
            "/caf%C3%A9",
            "/é",
            "/../a",
            "/{+path}",
            "/{path*}",
            "/{}",
            "/{a}/{a}",
            "/{a",
            &format!("/{}", "a".repeat(600)),
        ] {
            assert!(of(path).is_err(), "{path}");
        }
    }
}
