//! `/authorization` and the pages of signing in, as browsers and those who would trick them see them.

mod account;
mod answers;
mod decisions;
mod door;
mod forgeries;
mod pages;
mod redirects;
