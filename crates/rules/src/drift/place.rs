//! Places in an answer's body without what could be data.

use crate::parameter::Shape;

/// A pointer is told no deeper.
const DEPTH_MAX: usize = 16;

/// The pointer with `*` for every element, and for every member that the schema doesn't name.
pub(super) fn masked(pointer: &str, shape: &Shape) -> String {
    let mut masked = String::new();
    let mut inner = Some(shape);
    for (depth, token) in pointer.split('/').skip(1).enumerate() {
        masked.push('/');
        if depth >= DEPTH_MAX {
            masked.push('*');
            break;
        }
        let name = token.replace("~1", "/").replace("~0", "~");
        match inner.and_then(|shape| shape.named(&name)) {
            Some(member) => {
                masked.push_str(token);
                inner = Some(member);
            }
            None => {
                masked.push('*');
                inner = inner.and_then(|shape| match token.parse::<usize>() {
                    Ok(at) => shape.known_element(at).or_else(|| shape.other()),
                    Err(_) => shape.other(),
                });
            }
        }
    }
    masked
}
