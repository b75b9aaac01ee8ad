//! Names of the house made of names of a document: of operations and of permissions.

use std::collections::HashSet;

use crate::model::valid_name;

const LENGTH_MAX: usize = 63;

/// Names that are given once each.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// A valid name like `wish` that nothing else has.
    pub(super) fn free(&mut self, wish: &str) -> String {
        let wish = plain(wish).unwrap_or_else(|| "operation".to_owned());
        let mut free = wish.clone();
        let mut number = 2;
        while !self.taken.insert(free.clone()) {
            let ending = format!("-{number}");
            let room = LENGTH_MAX - ending.len();
            free = format!("{}{ending}", wish.get(..room.min(wish.len())).unwrap_or(&wish));
            number += 1;
        }
        free
    }
}

impl Names {
    /// A valid name that nothing else has yet.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.taken.insert(name.to_owned());
        name.to_owned()
    }
}

/// A valid name like this one: `listPets` is `list-pets`, `write:pets` is `write.pets`. None where nothing is left of it.
pub(super) fn plain(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut before = ' ';
    for character in name.chars() {
        let is_word_s_first =
            character.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if is_word_s_first {
            plain.push('-');
        }
        match character {
            ':' => plain.push('.'),
            one if one.is_ascii_alphanumeric() || "-_.".contains(one) => plain.push(one.to_ascii_lowercase()),
            _ if plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
        before = character;
    }
    let mut plain = plain.trim_matches(['-', '.', '_']).to_owned();
    plain.truncate(LENGTH_MAX);
    let plain = plain.trim_end_matches(['-', '.', '_']);
    valid_name(plain).then(|| plain.to_owned())
}

/// The name of an operation that has none: `GET /pets/{id}/toys` is `get-pets-id-toys`.
pub(super) fn of_route(method: &str, path: &str) -> String {
    let mut name = method.to_ascii_lowercase();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        name.push('-');
        name.push_str(segment.trim_matches(['{', '}']));
    }
    if path == "/" {
        name.push_str("-root");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_valid_and_once_each() {
        let mut names = Names::default();
        for (wish, name) in [
            ("listPets", "list-pets"),
            ("listPets", "list-pets-2"),
            ("repos/list-for-org", "repos-list-for-org"),
            ("ListHTTPServers", "list-httpservers"),
            ("Pet_get.v2", "pet_get.v2"),
            ("__get", "get"),
            ("ä", "operation"),
            ("", "operation-2"),
        ] {
            assert_eq!(names.free(wish), name);
        }
        let long = "x".repeat(200);
        let (first, second) = (names.free(&long), names.free(&long));
        assert!(valid_name(&first) && valid_name(&second) && first != second);
        assert_eq!(plain("write:pets").as_deref(), Some("write.pets"));
        assert_eq!(names.free(&of_route("GET", "/pets/{petId}/toys")), "get-pets-pet-id-toys");
        assert_eq!(of_route("GET", "/"), "get-root");
    }
}
