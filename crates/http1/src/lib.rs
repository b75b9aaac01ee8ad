//! HTTP/1.1 on the side that faces callers, as an engine without input or output (RFC 9112).
//!
//! Bytes go in and events come out; answers go in and bytes come out. The engine knows no socket, no runtime, no clock
//! and no rule of a gateway. It reads strictly: where the RFC leaves a choice, it takes the one that no second parser
//! can read otherwise, and refuses the rest with a [`flaw::Flaw`] of its own. Begin at [`connection::Connection`].

mod authority;
mod body;
pub mod connection;
mod fields;
pub mod flaw;
mod framing;
pub mod head;
mod input;
mod lines;
mod reader;
mod request_line;
pub mod response;
#[cfg(test)]
mod tests;
mod writer;
