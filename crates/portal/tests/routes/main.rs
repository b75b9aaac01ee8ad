//! Drives the pages and the admin API as their callers do, against a real store in a folder of its own.

mod admin;
mod house;
mod pages;
mod socket;
