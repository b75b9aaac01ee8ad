//! A JSON text that was read: where each value stands in it, in the order of the text, sixteen bytes each.
//!
//! It copies no text, and reads no number: whoever compares one does so with all its digits.

use std::borrow::Cow;

use super::JsonKind;
use super::names::characters;

/// At most so many bytes are held of a text that is read: for each value and each name, one of these stands before it.
pub(super) fn size_max(text: &[u8]) -> usize {
    let before = text.iter().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count();
    (before + 1) * size_of::<Node>()
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Of a scalar or name: where its text begins, without quotation marks. Of the others: how many stand in it.
    start_or_count: u32,
    /// Where its text ends.
    end: u32,
    /// The node after all that stands in it.
    next: u32,
    kind: JsonKind,
    has_escapes: bool,
}

/// The nodes, while they are read.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    open: Vec<usize>,
}

impl Nodes {
    /// With room for all that a text can hold.
    pub(super) fn of(text: &str) -> Self {
        Self { nodes: Vec::with_capacity(size_max(text.as_bytes()) / size_of::<Node>()), open: Vec::new() }
    }

    pub(super) fn enter(&mut self, is_object: bool) {
        self.count();
        self.open.push(self.nodes.len());
        let kind = if is_object { JsonKind::Object } else { JsonKind::Array };
        self.nodes.push(Node { start_or_count: 0, end: 0, next: 0, kind, has_escapes: false });
    }

    pub(super) fn leave(&mut self) {
        let next = self.nodes.len() as u32;
        if let Some(node) = self.open.pop().and_then(|at| self.nodes.get_mut(at)) {
            node.next = next;
        }
    }

    pub(super) fn name(&mut self, start: u32, end: u32, has_escapes: bool) {
        self.push(JsonKind::String, start, end, has_escapes);
    }

    pub(super) fn scalar(&mut self, kind: JsonKind, start: usize, end: usize, has_escapes: bool) {
        self.count();
        let quotation = usize::from(kind == JsonKind::String);
        // A text of 4 GiB is refused before it is read, and so is a tree of as many nodes.
        self.push(kind, (start + quotation) as u32, (end - quotation) as u32, has_escapes);
    }

    fn push(&mut self, kind: JsonKind, start: u32, end: u32, has_escapes: bool) {
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { start_or_count: start, end, next, kind, has_escapes });
    }

    /// One more value stands in the innermost array or object.
    fn count(&mut self) {
        if let Some(node) = self.open.last().and_then(|at| self.nodes.get_mut(*at)) {
            node.start_or_count += 1;
        }
    }
}

/// A JSON text that was read.
#[derive(Debug)]
pub struct Tree<'t> {
    text: &'t str,
    nodes: Vec<Node>,
}

/// A value in it.
#[derive(Clone, Copy, Debug)]
pub struct TreeValue<'t> {
    tree: &'t Tree<'t>,
    at: u32,
    node: Node,
}

impl<'t> Tree<'t> {
    pub(super) fn new(text: &'t str, nodes: Nodes) -> Self {
        Self { text, nodes: nodes.nodes }
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&'t self) -> Option<TreeValue<'t>> {
        self.value(0)
    }

    /// How many values and names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a text has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn value(&'t self, at: u32) -> Option<TreeValue<'t>> {
        self.nodes.get(at as usize).map(|node| TreeValue { tree: self, at, node: *node })
    }
}

impl<'t> TreeValue<'t> {
    /// Its number in the order of the text, its own in this text.
    #[must_use]
    pub fn id(self) -> u32 {
        self.at
    }

    /// What kind it is of.
    #[must_use]
    pub fn kind(self) -> JsonKind {
        self.node.kind
    }

    /// How many elements or members it has; 0 for a scalar.
    #[must_use]
    pub fn count(self) -> usize {
        if self.is_scalar() { 0 } else { self.node.start_or_count as usize }
    }

    /// As it is written; of a string without its quotation marks, of an array or object nothing.
    #[must_use]
    pub fn raw(self) -> &'t str {
        if self.is_scalar() {
            self.tree.text.get(self.node.start_or_count as usize..self.node.end as usize).unwrap_or_default()
        } else {
            ""
        }
    }

    /// What a string says.
    #[must_use]
    pub fn text(self) -> Cow<'t, str> {
        if self.node.has_escapes { characters(self.raw()).collect() } else { Cow::Borrowed(self.raw()) }
    }

    /// The elements of an array.
    pub fn elements(self) -> impl Iterator<Item = TreeValue<'t>> {
        let mut at = self.at + 1;
        let end = if self.node.kind == JsonKind::Array { self.node.next } else { at };
        std::iter::from_fn(move || {
            let value = (at < end).then(|| self.tree.value(at)).flatten()?;
            at = value.node.next;
            Some(value)
        })
    }

    /// The members of an object: names, as strings, with their values.
    pub fn members(self) -> impl Iterator<Item = (TreeValue<'t>, TreeValue<'t>)> {
        let mut at = self.at + 1;
        let end = if self.node.kind == JsonKind::Object { self.node.next } else { at };
        std::iter::from_fn(move || {
            let name = (at < end).then(|| self.tree.value(at)).flatten()?;
            let value = self.tree.value(at + 1)?;
            at = value.node.next;
            Some((name, value))
        })
    }

    /// How many values and names it is made of, itself among them.
    #[must_use]
    pub fn len(self) -> usize {
        if self.is_scalar() { 1 } else { (self.node.next - self.at) as usize }
    }

    /// Never: it is a value.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }

    fn is_scalar(self) -> bool {
        !matches!(self.node.kind, JsonKind::Object | JsonKind::Array)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{JsonLimits, read_json};
    use super::*;

    fn written(value: TreeValue<'_>) -> String {
        let quoted = |text: Cow<'_, str>| serde_json::Value::String(text.into_owned()).to_string();
        match value.kind() {
            JsonKind::Object => {
                let members: Vec<_> = value
                    .members()
                    .map(|(name, value)| format!("{}:{}", quoted(name.text()), written(value)))
                    .collect();
                assert_eq!(members.len(), value.count());
                format!("{{{}}}", members.join(","))
            }
            JsonKind::Array => {
                let elements: Vec<_> = value.elements().map(written).collect();
                assert_eq!(elements.len(), value.count());
                format!("[{}]", elements.join(","))
            }
            JsonKind::String => quoted(value.text()),
            _ => value.raw().to_owned(),
        }
    }

    #[test]
    fn what_was_read_is_what_was_written() {
        for text in [
            "{}",
            "[]",
            "\"\"",
            "1e400",
            "null",
            r#"{"a":[1,{"b":[]},"x"],"é\"":{"c":-0.0},"d":true,"":[[[]],2]}"#,
            r#"["a\\b","\n",123456789012345678901234567890,false]"#,
        ] {
            let (_, tree) = read_json(text.as_bytes(), JsonLimits::default()).unwrap();
            assert_eq!(written(tree.root().unwrap()), text);
        }
        let (_, tree) = read_json(br#" { "\u0061\ud83d\ude00" : [ 1 , 2 ] } "#, JsonLimits::default()).unwrap();
        assert_eq!(written(tree.root().unwrap()), "{\"a😀\":[1,2]}");
        assert_eq!(tree.root().unwrap().len(), 5);
        for text in ["1", "[1,[],{}]", r#"{"a":{"b":[[1,2],3]}}"#] {
            let (_, tree) = read_json(text.as_bytes(), JsonLimits::default()).unwrap();
            assert!(tree.len() * size_of::<Node>() <= size_max(text.as_bytes()), "{text}");
        }
    }
}
