//! What signing in leaves behind: secrets, passwords, sessions, consents, codes, refresh tokens. Whether one is good is
//! judged by `limen_rules::sign_in`; here each step is one transaction.

mod code;
mod consent;
pub(crate) mod ending;
pub(crate) mod lookup;
mod password;
mod refresh;
mod secret;
mod session;
pub(crate) mod standing;
pub(crate) mod sweep;
