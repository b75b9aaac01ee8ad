//! Drives the pages and the admin API as their callers do, against a real store in a folder of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod admin;
mod house;
mod oauth;
mod pages;
mod people;
mod socket;
