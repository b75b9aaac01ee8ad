//! Instructions.
use anyhow::Result;

use super::Options;
pub(crate) fn check() -> Result<()> { Ok(()) }
pub(crate) fn run(_options: &Options) -> Result<()> { Ok(()) }
