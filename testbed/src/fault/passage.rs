//! One direction of one connection: reads, does what is due at this byte, writes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Counts, Fault};
use crate::service::is_timeout;

/// How often a thread that waits looks whether the connection or the proxy is ending.
const LOOK: Duration = Duration::from_millis(25);

pub(super) struct Passage {
    pub(super) from: Arc<TcpStream>,
    pub(super) to: Arc<TcpStream>,
    /// In the order of their offsets.
    pub(super) faults: Vec<Fault>,
    pub(super) counts: Arc<Counts>,
    /// Set by whichever direction ends the connection by a reset.
    pub(super) over: Arc<AtomicBool>,
    /// Set by whichever direction ends the connection in an orderly way: nothing passes any more, either way.
    pub(super) is_cut: Arc<AtomicBool>,
    pub(super) is_onward: bool,
    /// How small the pieces are, and the pause behind each, once it trickles.
    pub(super) piece: Option<(usize, Duration)>,
}

/// How a direction goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    Passes,
    /// Nothing more passes; what comes is thrown away.
    Drained,
    Over,
}

/// Makes the end of this socket a reset. It is one as soon as the last handle of it is gone.
pub(super) fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

impl Passage {
    pub(super) fn run(mut self) {
        let _ = self.from.set_read_timeout(Some(LOOK));
        let _ = self.to.set_write_timeout(Some(LOOK));
        let _ = self.to.set_nodelay(true);
        let mut buffer = vec![0; 64 << 10];
        let mut passed = 0;
        let mut flow = self.due(passed, &mut []);
        while flow != Flow::Over && !self.is_over() {
            match (&*self.from).read(&mut buffer) {
                Ok(0) => break,
                Ok(_) if flow == Flow::Drained || self.is_cut.load(Ordering::SeqCst) => {}
                Ok(count) => flow = self.pass(buffer.get_mut(..count).unwrap_or_default(), &mut passed),
                Err(error) if is_timeout(&error) => {}
                Err(_) => {
                    // A reset on one side is a reset on the other.
                    self.reset_both();
                    return;
                }
            }
        }
        if !self.over.load(Ordering::SeqCst) {
            let _ = self.to.shutdown(Shutdown::Write);
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || self.counts.ending.load(Ordering::SeqCst)
    }

    fn reset_both(&self) {
        reset(&self.from);
        reset(&self.to);
        self.over.store(true, Ordering::SeqCst);
    }

    fn pass(&mut self, mut bytes: &mut [u8], passed: &mut u64) -> Flow {
        while !bytes.is_empty() {
            let until = self.faults.first().map_or(u64::MAX, Fault::after_bytes).saturating_sub(*passed);
            let mut count = usize::try_from(until).unwrap_or(usize::MAX).min(bytes.len());
            if let Some((piece_bytes, _)) = self.piece {
                count = count.min(piece_bytes.max(1));
            }
            let (now, later) = bytes.split_at_mut(count);
            if !now.is_empty() {
                if !self.write(now) {
                    return Flow::Over;
                }
                *passed += now.len() as u64;
                if let Some((_, pause)) = self.piece {
                    crate::poll::pause(pause);
                }
            }
            bytes = later;
            match self.due(*passed, bytes) {
                Flow::Passes => {}
                other => return other,
            }
        }
        Flow::Passes
    }

    /// Writes all; false where the connection is over.
    fn write(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match (&*self.to).write(bytes) {
                Ok(0) => return false,
                Ok(written) => {
                    let counts = &self.counts;
                    let count = if self.is_onward { &counts.onward_bytes } else { &counts.back_bytes };
                    count.fetch_add(written as u64, Ordering::SeqCst);
                    bytes = bytes.get(written..).unwrap_or_default();
                }
                Err(error) if is_timeout(&error) && !self.is_over() => {}
                Err(error) => {
                    if !is_timeout(&error) && !self.is_cut.load(Ordering::SeqCst) {
                        self.reset_both();
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Does what is due after so many bytes; `next` is what comes next, as far as it is here.
    fn due(&mut self, passed: u64, next: &mut [u8]) -> Flow {
        while let Some(fault) = self.faults.first().filter(|fault| fault.after_bytes() <= passed).cloned() {
            if matches!(fault, Fault::Flip { .. }) && next.is_empty() {
                return Flow::Passes; // Its byte is still to come.
            }
            self.faults.remove(0);
            self.counts.faults.fetch_add(1, Ordering::SeqCst);
            let flow = self.carry_out(fault, next);
            if flow != Flow::Passes {
                return flow;
            }
        }
        Flow::Passes
    }

    fn carry_out(&mut self, fault: Fault, next: &mut [u8]) -> Flow {
        match fault {
            Fault::Delay { time, .. } => {
                self.wait(Some(time));
                Flow::Passes
            }
            Fault::Trickle { piece_bytes, pause, .. } => {
                self.piece = Some((piece_bytes, pause));
                Flow::Passes
            }
            Fault::Flip { .. } => {
                if let Some(byte) = next.first_mut() {
                    *byte = !*byte;
                }
                Flow::Passes
            }
            Fault::Insert { bytes, .. } => match self.write(&bytes) {
                true => Flow::Passes,
                false => Flow::Over,
            },
            Fault::Cut { .. } => {
                self.is_cut.store(true, Ordering::SeqCst);
                let _ = self.to.shutdown(Shutdown::Write);
                let _ = self.from.shutdown(Shutdown::Write);
                Flow::Drained
            }
            Fault::HalfClose { .. } => {
                let _ = self.to.shutdown(Shutdown::Write);
                Flow::Drained
            }
            Fault::Reset { .. } => {
                self.reset_both();
                Flow::Over
            }
            Fault::Stall { .. } => {
                self.wait(None);
                Flow::Over
            }
        }
    }

    /// Lets time pass, or waits until the connection is over: until whoever waits for more gives up.
    fn wait(&self, time: Option<Duration>) {
        let end = time.map(|time| Instant::now() + time);
        while !self.is_over() && end.is_none_or(|end| Instant::now() < end) {
            if end.is_none() && self.is_gone() {
                return;
            }
            let left = end.map_or(LOOK, |end| end.saturating_duration_since(Instant::now()));
            crate::poll::pause(left.min(LOOK));
        }
    }

    /// Whether the side that is waiting has ended.
    fn is_gone(&self) -> bool {
        match self.to.peek(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => !is_timeout(&error),
        }
    }
}
