//! One line for each call, written when it has ended: formatted by the core that served it, carried to the file by a
//! thread of its own. A slow disk costs lines, which are counted, and never a call its time.

mod file;
mod line;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use self::file::Sink;
use self::line::{Line, Second};
use crate::ended::{Ended, Traffic};
use crate::journal::CallRecord;
use crate::stripe;

/// Lines wait at most so long for the writer.
const WRITE_EVERY: Duration = Duration::from_millis(200);
/// A core's lines that the writer is woken for before that.
const WAKE_BYTES: usize = 64 * 1024;
/// A core's lines that wait at most: what comes on top is lost.
const WAITING_BYTES: usize = 1 << 20;
/// How often it is looked whether the file was moved away, and told that lines were lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Like the common log format, with what it lacks as `name=value` behind.
    Text,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The standard output, which whoever started us takes care of.
    Output,
    /// A file, which is moved aside when it is full.
    File {
        /// Its path.
        path: PathBuf,
        /// It is moved aside when it holds so many bytes.
        max_bytes: u64,
        /// So many older files are kept: `PATH.1` is the youngest.
        keep: u32,
    },
}

/// What a core has written and the writer not yet taken.
struct Waiting {
    lines: Vec<u8>,
    /// The last second in words: most calls lie in the same one.
    second: Second,
}

#[repr(align(128))]
struct Stripe(Mutex<Waiting>);

struct Shared {
    format: Format,
    stripes: Box<[Stripe]>,
    dropped: AtomicU64,
    is_closing: AtomicBool,
}

/// The access log, open. When it is dropped, what waits is written.
pub struct AccessLog {
    shared: Arc<Shared>,
    writer: Thread,
    handle: Mutex<Option<JoinHandle<()>>>,
}

fn lock(stripe: &Stripe) -> MutexGuard<'_, Waiting> {
    stripe.0.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AccessLog {
    /// Opens the file, or makes it for this user alone, and starts the writer.
    ///
    /// # Errors
    /// When the file can't be opened or the thread not started.
    pub fn open(destination: Destination, format: Format) -> io::Result<Self> {
        let sink = Sink::open(destination)?;
        let stripe = |_| Stripe(Mutex::new(Waiting { lines: Vec::new(), second: Second::default() }));
        let shared = Arc::new(Shared {
            format,
            stripes: (0..stripe::count()).map(stripe).collect(),
            dropped: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
        });
        let of_writer = Arc::clone(&shared);
        let handle = std::thread::Builder::new().name("access-log".into()).spawn(move || of_writer.run(sink))?;
        Ok(Self { shared, writer: handle.thread().clone(), handle: Mutex::new(Some(handle)) })
    }

    /// Lines that were lost since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Writes what waits and ends the writer; what comes later is not written.
    pub fn close(&self) {
        self.shared.is_closing.store(true, Ordering::Release);
        self.writer.unpark();
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            let _ = handle.join();
        }
    }

    /// Writes a call down.
    pub(crate) fn write(&self, record: &CallRecord, traffic: &Traffic) {
        let stripes = &self.shared.stripes;
        let Some(stripe) = stripes.get(stripe::mine() % stripes.len().max(1)) else { return };
        let ended = Ended::of(record);
        let mut waiting = lock(stripe);
        let before = waiting.lines.len();
        if before >= WAITING_BYTES {
            drop(waiting);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Waiting { lines, second } = &mut *waiting;
        let line = Line { record, traffic, ended: &ended, second };
        match self.shared.format {
            Format::Json => line.json(lines),
            Format::Text => line.text(lines),
        }
        let after = lines.len();
        drop(waiting);
        if before < WAKE_BYTES && after >= WAKE_BYTES {
            self.writer.unpark();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn run(&self, mut sink: Sink) {
        let mut taken = Vec::with_capacity(WAKE_BYTES);
        let (mut looked_at, mut told_at) = (Instant::now(), None::<Instant>);
        let mut told_dropped = 0;
        loop {
            let is_closing = self.is_closing.load(Ordering::Acquire);
            for stripe in &self.stripes {
                // What a core writes into next is the room that was emptied before.
                std::mem::swap(&mut lock(stripe).lines, &mut taken);
                if !taken.is_empty() && sink.write(&taken).is_err() {
                    let lost = taken.iter().filter(|byte| **byte == b'\n').count() as u64;
                    self.dropped.fetch_add(lost, Ordering::Relaxed);
                }
                taken.clear();
                taken.shrink_to(2 * WAKE_BYTES);
            }
            let dropped = self.dropped.load(Ordering::Relaxed);
            if dropped > told_dropped && told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                tracing::warn!(lines = dropped - told_dropped, "the access log lost lines: its disk is slow or full");
                told_at = Some(Instant::now());
                told_dropped = dropped;
            }
            if is_closing {
                return;
            }
            if looked_at.elapsed() >= LOOK_EVERY {
                looked_at = Instant::now();
                sink.follow();
            }
            std::thread::park_timeout(WRITE_EVERY);
        }
    }
}

#[cfg(test)]
mod tests;
