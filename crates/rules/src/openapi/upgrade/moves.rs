//! Where what stands in an upgraded document stood before.

use std::collections::HashMap;

/// Pointers before and after.
#[derive(Debug, Default)]
pub(in crate::openapi) struct Moves {
    before: HashMap<String, String>,
    after: HashMap<String, String>,
}

impl Moves {
    /// Takes note that what stood at `from` stands at `to`, with all below it.
    pub(super) fn note(&mut self, from: &str, to: &str) {
        self.before.insert(to.to_owned(), from.to_owned());
        self.after.entry(from.to_owned()).or_insert_with(|| to.to_owned());
    }

    /// Where something stood.
    pub(in crate::openapi) fn before(&self, pointer: &str) -> String {
        moved(&self.before, pointer)
    }

    /// Where something stands.
    pub(super) fn after(&self, pointer: &str) -> String {
        moved(&self.after, pointer)
    }
}

/// The nearest outer pointer that moved, replaced.
fn moved(moves: &HashMap<String, String>, pointer: &str) -> String {
    if moves.is_empty() {
        return pointer.to_owned();
    }
    let mut outer = pointer;
    loop {
        if let Some(other) = moves.get(outer) {
            return format!("{other}{}", pointer.get(outer.len()..).unwrap_or_default());
        }
        match outer.rsplit_once('/') {
            Some((shorter, _)) => outer = shorter,
            None => return pointer.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_move_counts() {
        let mut moves = Moves::default();
        moves.note("/definitions", "/components/schemas");
        moves.note("/definitions/A/x", "/y");
        assert_eq!(moves.after("/definitions/A"), "/components/schemas/A");
        assert_eq!(moves.after("/definitions/A/x/1"), "/y/1");
        assert_eq!(moves.before("/components/schemas/B/type"), "/definitions/B/type");
        assert_eq!(moves.before("/paths"), "/paths");
    }
}
