//! `limen upgrade`: asks the running process to let another one take its place, and waits until it has.

use std::time::{Duration, Instant};

use limen_portal::connect_admin_socket;
use limen_portal::wire::Status;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process};

use super::{Context, Trouble, read};

const TIMEOUT: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn run(context: &Context) -> Result<String, Trouble> {
    let before: Status = read(&context.admin.get("/v1/status")?)?;
    let untold = |error: &dyn std::error::Error| {
        Trouble::refused(format!("the process can't be told: {error}"), "send it SIGUSR2: kill -USR2 PID")
    };
    let socket = connect_admin_socket(context.admin.data_dir()).map_err(|error| untold(&error))?;
    let other_end = socket_peercred(&socket).map_err(|error| untold(&error))?;
    kill_process(other_end.pid, Signal::USR2).map_err(|error| untold(&error))?;
    let end = Instant::now() + TIMEOUT;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| untold(&error))?;
    while Instant::now() < end {
        // Between the two there is nobody to answer.
        let now =
            context.admin.get("/v1/status").ok().and_then(|text| read::<Status>(&text).ok().map(|now| (text, now)));
        match now {
            Some((text, now)) if now.started_at_us != before.started_at_us => {
                return context
                    .show(text, |_: Status| format!("Limen {} took over from {}.", now.version, before.version));
            }
            Some((_, now)) if now.upgrade_refused != before.upgrade_refused => {
                let why = now.upgrade_refused.map(|refused| refused.why).unwrap_or_default();
                return Err(Trouble::refused(
                    format!("the running Limen goes on, for the one that was to follow can't start: {why}"),
                    "mend that and upgrade again",
                ));
            }
            None if has_ended(other_end.pid) => {
                return Err(Trouble::refused(
                    "Limen ended: what was to follow could not start",
                    "its log says why; then start it with: limen up",
                ));
            }
            _ => {}
        }
        runtime.block_on(async { tokio::time::sleep(ASK_EVERY).await });
    }
    Err(Trouble::refused(
        format!("nothing took over within {} s", TIMEOUT.as_secs()),
        "look at the log of the running Limen: it says why an upgrade was refused",
    ))
}

/// Whether there is no such process any more, or one that nobody has looked after yet.
fn has_ended(process: Pid) -> bool {
    let told = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    match told {
        // Behind the name, which may have anything in it.
        Ok(told) => told.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X'])),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}
