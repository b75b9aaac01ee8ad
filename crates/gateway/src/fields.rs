//! The fields of a head that the engine read, as the rules ask for them.

use http::HeaderName;
use limen_http1::field_table;
use limen_rules::header;

/// The fields of a head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(pub(crate) field_table::Fields);

impl header::Fields for Fields {
    fn at(&self, place: usize) -> Option<(&[u8], &[u8])> {
        self.0.at(place)
    }

    fn find(&self, name: &HeaderName, from: usize) -> Option<(usize, &[u8])> {
        self.0.find(name, from)
    }
}
