//! The one binary: reads the command line and hands it to `up` or to the commands that talk to a running Limen.

mod admin_connection;
mod arguments;
mod command;
mod config;
mod secret_file;
mod up;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Measured against the system's: see `docs/decisions/0014-mimalloc-as-the-allocator.md`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments = arguments::parse();
    match arguments.command {
        arguments::Command::Up(up) => up::run(&up),
        command => command::run(&arguments.data_dir, arguments.output, command),
    }
}
