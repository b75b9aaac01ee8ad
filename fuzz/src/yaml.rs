//! Any text as a configuration file's YAML: it ends in a tree within bounds or in a flaw at a place of the text.
//!
//! The whole reader of configurations is private to the binary and is held to the same corpus by its own tests.

#[expect(dead_code, reason = "the reader of the binary, of which a part is used here")]
#[path = "../../crates/limen/src/config/tree.rs"]
mod tree;

use tree::{Node, Place, Value};

const DEPTH_MAX: usize = 33;
const NODES_MAX: usize = 200_000;

/// The laws of the reader.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = text.matches(['\n', '\r']).count() as u64 + 1;
    match tree::read(text) {
        Ok(node) => {
            let mut nodes = 0;
            look_at(&node, 0, &mut nodes);
        }
        Err(error) => {
            assert!(!error.message.is_empty() && !error.mend.is_empty());
            assert!(error.place.is_none_or(|place| stands(place) && place.line <= lines + 1), "{error:?}");
        }
    }
}

fn stands(place: Place) -> bool {
    place.line > 0 && place.column > 0
}

fn look_at(node: &Node, depth: usize, nodes: &mut usize) {
    *nodes += 1;
    assert!(depth <= DEPTH_MAX && *nodes <= NODES_MAX, "{nodes} nodes, {depth} deep");
    match &node.value {
        Value::List(list) => list.iter().for_each(|inner| look_at(inner, depth + 1, nodes)),
        Value::Mapping(entries) => entries.iter().for_each(|entry| look_at(&entry.node, depth + 1, nodes)),
        _ => {}
    }
}
