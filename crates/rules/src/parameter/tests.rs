//! Parameters from declaration to errors.

mod canonical;
