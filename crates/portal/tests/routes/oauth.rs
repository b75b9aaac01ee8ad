//! What applications get from the endpoints of the authorization server.

mod authentication;
mod codes;
mod desk;
mod forms;
mod others;
mod own;
mod refreshes;
