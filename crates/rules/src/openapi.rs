//! OpenAPI documents: read into what is enforced, with a report of what isn't, and made from it again.

pub mod diff;
pub mod export;
