//! HTTP/1.1 towards callers and towards services, as an engine without input or output (RFC 9112).
//!
//! Bytes go in and events come out. The engine knows no socket, no runtime, no clock and no rule of a gateway. It reads
//! strictly: where the RFC leaves a choice, it takes the one that no second parser can read otherwise, and refuses the
//! rest. Begin at [`connection::Connection`], a caller's, and [`service::ServiceConnection`].

mod authority;
mod body;
pub mod connection;
pub mod field_table;
mod fields;
pub mod flaw;
mod framing;
pub mod head;
mod input;
mod lines;
pub mod proxy_protocol;
mod reader;
mod request_line;
pub mod response;
pub mod service;
#[cfg(test)]
mod tests;
pub mod translated;
mod writer;
