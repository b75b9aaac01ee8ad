//! All that a person or administrator meets: the pages of the web address and the admin API on its Unix socket.
//!
//! It knows the store and the rules, and nothing of how calls are carried: what the gateway knows, and what only the
//! process can do (clock, randomness, signing), comes in through the [`ports`].

mod admin;
mod attempts;
mod audit;
mod logo;
mod memory;
mod metrics;
mod oauth;
mod password;
pub mod ports;
mod provider;
mod socket;
mod web;
pub mod wire;

pub use admin::admin_router;
pub use attempts::Attempts;
pub use logo::{LOGO_FILE_MAX_BYTES, LOGO_KEPT_SIDE_PIXELS, LOGO_SIDE_MAX_PIXELS, Logo, LogoFlaw, Logos, drawn_logo};
pub use memory::Memory;
pub use metrics::metrics_router;
pub use oauth::Journal;
pub use password::{PasswordFault, Passwords};
pub use provider::Provider;
pub use socket::{Peer, bind_admin_socket, connect_admin_socket, serve_admin};
pub use web::{PeerAddress, web_router};
