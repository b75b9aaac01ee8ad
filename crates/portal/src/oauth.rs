//! The endpoints of the authorization server that applications call: tokens, their end, and what is told of them.
//!
//! What people see while they sign in is elsewhere; here nothing is rendered.

pub(crate) mod journal;

pub use journal::Journal;
