//! The sockets that a start begins with: handed in by whoever started the process, or bound by itself.
//!
//! Handed in as systemd does it: `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` tell of descriptors from 3 on. A process
//! that follows another one gets that one's idle connections too, listed in a file of which `LIMEN_IDLE` tells.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd, RawFd};
use std::process::Command;

use limen_gateway::listener::IdleConnection;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, dup2, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::sockopt::socket_acceptconn;

use super::failure::StartFailure;
use crate::config::{Listen, Settings};

const FIRST: RawFd = 3;
/// More than Limen has names for are left alone.
const NAMES: [&str; 2] = ["gateway", "web"];
const IDLE: &str = "LIMEN_IDLE";
/// How the place for figures is told.
pub(super) const METRICS_KEY: &str = "LIMEN__METRICS__LISTEN";
const IDLE_FILE_MAX_BYTES: u64 = 16 << 20;

/// What this process was started with besides its standard streams. To be taken before anything is opened.
pub(super) struct Inherited {
    /// The descriptors by whose numbers listeners are handed in and on; nobody else in this process ever has them.
    seats: [OwnedFd; NAMES.len()],
    idle: Vec<IdleConnection>,
}

impl Inherited {
    /// Takes what was handed in.
    ///
    /// # Errors
    /// Where descriptors can't be had.
    pub(super) fn take() -> Result<Self, StartFailure> {
        let seat = |number| match descriptor(number) {
            Some(inherited) => Ok(inherited),
            // Nothing can be read of it, nor listened on; it keeps the number.
            None => File::open("/dev/null").and_then(|nothing| match nothing.as_raw_fd() {
                first if first == number => Ok(OwnedFd::from(nothing)),
                _ => Ok(fcntl_dupfd_cloexec(nothing, number)?),
            }),
        };
        let unseated = |error| StartFailure::of("Descriptors can't be had", error, "Look at the machine's limits.");
        let seats = [seat(FIRST).map_err(unseated)?, seat(FIRST + 1).map_err(unseated)?];
        let idle = if is_meant() { idle_connections() } else { Vec::new() };
        Ok(Self { seats, idle })
    }
}

/// What a start begins with.
pub(super) struct Sockets {
    pub(super) gateway: TcpListener,
    pub(super) web: TcpListener,
    /// Never handed in nor on: nobody's call waits there.
    pub(super) metrics: Option<TcpListener>,
    /// Connections to the gateway without a call under way.
    pub(super) idle: Vec<IdleConnection>,
}

/// What is handed on at the end.
pub(super) struct Legacy {
    sockets: Sockets,
    seats: [OwnedFd; NAMES.len()],
}

impl Sockets {
    /// Takes what was handed in and binds the rest; settings then tell where it really listens. Both places are taken
    /// before anything else is made, so that a taken port leaves nothing behind. The second part is for whoever follows.
    pub(super) fn open(inherited: Inherited, settings: &mut Settings) -> Result<(Self, Legacy), StartFailure> {
        let [gateway, web] = handed_in(&inherited.seats)?;
        let gateway = take(gateway, &mut settings.gateway_listen, "--gateway")?;
        let web = take(web, &mut settings.web_listen, "--web")?;
        let metrics = settings.metrics_listen.as_mut().map(|place| take(None, place, METRICS_KEY)).transpose()?;
        let keep = |listener: &TcpListener| {
            let kept = listener.try_clone();
            kept.map_err(|error| StartFailure::of("A listening socket can't be kept", error, "Start again."))
        };
        let kept = Self { gateway: keep(&gateway)?, web: keep(&web)?, metrics: None, idle: Vec::new() };
        Ok((Self { gateway, web, metrics, idle: inherited.idle }, Legacy { sockets: kept, seats: inherited.seats }))
    }
}

impl Legacy {
    /// With connections that are open.
    pub(super) fn with(self, idle: Vec<IdleConnection>) -> Self {
        Self { sockets: Sockets { idle, ..self.sockets }, ..self }
    }

    /// Arranges the descriptors as [`Inherited::take`] of the process finds them that `command` replaces this one with.
    /// They stay open for as long as what is given back lives.
    ///
    /// # Errors
    /// Where a descriptor can't be copied.
    pub(super) fn give(self, command: &mut Command) -> std::io::Result<Vec<OwnedFd>> {
        let Sockets { gateway, web, idle, metrics: _ } = self.sockets;
        let mut lines = String::new();
        let mut given = Vec::new();
        for IdleConnection { stream, address } in idle {
            let stream = OwnedFd::from(stream);
            fcntl_setfd(&stream, FdFlags::empty())?;
            let address = address.map_or("-".to_owned(), |address| address.to_string());
            lines.push_str(&format!("{} {address}\n", stream.as_raw_fd()));
            given.push(stream);
        }
        let mut list = File::from(memfd_create("limen-idle", MemfdFlags::empty())?);
        list.write_all(lines.as_bytes())?;
        list.seek(SeekFrom::Start(0))?;
        command.env("LISTEN_PID", std::process::id().to_string());
        command.env("LISTEN_FDS", NAMES.len().to_string()).env("LISTEN_FDNAMES", NAMES.join(":"));
        command.env(IDLE, list.as_raw_fd().to_string());
        given.push(list.into());
        for (mut seat, listener) in self.seats.into_iter().zip([gateway, web]) {
            // The copy outlives an exec.
            dup2(&listener, &mut seat)?;
            given.push(seat);
        }
        Ok(given)
    }
}

/// The descriptor of that number, closed at the next exec; none where nothing has it.
fn descriptor(number: RawFd) -> Option<OwnedFd> {
    std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).ok()?;
    // SAFETY: it is open, and was before this process opened anything, so nobody here has it; each number is asked for
    // once, by `Inherited::take`.
    let owned = unsafe { OwnedFd::from_raw_fd(number) };
    let _ = fcntl_setfd(&owned, FdFlags::CLOEXEC);
    Some(owned)
}

fn is_past_seats(number: RawFd) -> bool {
    number > FIRST + 1
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Whether the variables about descriptors are meant for this process.
fn is_meant() -> bool {
    variable("LISTEN_PID").is_some_and(|pid| pid == std::process::id().to_string())
}

/// The listeners that were handed in: each by its name, else by its place.
fn handed_in(seats: &[OwnedFd]) -> Result<[Option<TcpListener>; 2], StartFailure> {
    let mut found = [None, None];
    let Some(count) = variable("LISTEN_FDS").filter(|_| is_meant()) else { return Ok(found) };
    let mend = "Hand in one listening TCP socket for the gateway, and a second one for the web pages.";
    let count: usize = count
        .parse()
        .ok()
        .filter(|count| (1..=NAMES.len()).contains(count))
        .ok_or_else(|| StartFailure::new(format!("LISTEN_FDS is {count}, and Limen takes 1 or 2."), mend))?;
    let told = variable("LISTEN_FDNAMES").unwrap_or_default();
    let told: Vec<&str> = told.split(':').collect();
    for (at, seat) in seats.iter().take(count).enumerate() {
        let named = told.get(at).and_then(|told| NAMES.iter().position(|name| name == told));
        let place = named.unwrap_or(at);
        let listener = Some(seat)
            .filter(|socket| socket_acceptconn(socket).unwrap_or(false))
            .and_then(|socket| socket.try_clone().ok().map(TcpListener::from))
            .filter(|listener| listener.local_addr().is_ok());
        let Some(listener) = listener else {
            return Err(StartFailure::new(
                format!("Descriptor {} is not a listening TCP socket.", seat.as_raw_fd()),
                mend,
            ));
        };
        match found.get_mut(place) {
            Some(slot @ None) => *slot = Some(listener),
            _ => return Err(StartFailure::new("LISTEN_FDNAMES tells two sockets for one thing.", mend)),
        }
    }
    Ok(found)
}

/// The idle connections of the process before this one. One that can't be used is closed.
fn idle_connections() -> Vec<IdleConnection> {
    let list = variable(IDLE).and_then(|number| number.parse().ok()).filter(|number| is_past_seats(*number));
    let Some(list) = list.and_then(descriptor) else { return Vec::new() };
    let mut text = String::new();
    if File::from(list).take(IDLE_FILE_MAX_BYTES).read_to_string(&mut text).is_err() {
        return Vec::new();
    }
    let connection = |line: &str| {
        let (number, address) = line.split_once(' ')?;
        let stream = TcpStream::from(descriptor(number.parse().ok().filter(|number| is_past_seats(*number))?)?);
        let address: Option<SocketAddr> = if address == "-" { None } else { Some(address.parse().ok()?) };
        stream.peer_addr().ok()?;
        Some(IdleConnection { stream, address })
    };
    text.lines().filter_map(connection).collect()
}

fn take(handed: Option<TcpListener>, place: &mut Listen, flag: &str) -> Result<TcpListener, StartFailure> {
    let listener = match handed {
        Some(listener) => {
            if let Ok(address) = listener.local_addr() {
                *place = Listen::of(address);
            }
            listener
        }
        None => bind(place, flag)?,
    };
    let nonblocking = listener.set_nonblocking(true);
    nonblocking.map_err(|error| StartFailure::of("A listening socket can't be used", error, "Start again."))?;
    Ok(listener)
}

/// Whether that place is free.
pub(super) fn could_bind(place: &Listen, flag: &str) -> Result<(), StartFailure> {
    bind(place, flag).map(drop)
}

fn bind(place: &Listen, flag: &str) -> Result<TcpListener, StartFailure> {
    TcpListener::bind(place.to_string()).map_err(|error| {
        let mend = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("Stop what listens there, or name another place: {flag} 127.0.0.1:0 takes a free port.")
            }
            std::io::ErrorKind::PermissionDenied => {
                format!("Ports below 1024 need rights; name another place with {flag}.")
            }
            _ => format!("Name an address of this machine with {flag} HOST:PORT."),
        };
        StartFailure::new(format!("{place} can't be listened on: {error}."), mend)
    })
}
