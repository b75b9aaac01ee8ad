//! Cases of what a caller may send, as data: the engine is driven through them here, and the whole binary by the tests
//! of `limen`, which include these files by their paths.

pub(crate) mod accepted;
pub(crate) mod refused;
pub(crate) mod wire;
