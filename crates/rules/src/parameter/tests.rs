//! Parameters from declaration to errors.

mod canonical;
mod cases;
mod declared;
mod written;
