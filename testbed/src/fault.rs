//! A fault proxy: stands between two sides of TCP, passes bytes on, and does to each connection what a test scripted or
//! a seed drew. It knows no HTTP.

mod draw;
mod passage;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::passage::Passage;

pub use draw::Draw;

/// One thing done to what passes in one direction. Offsets count the bytes of that direction on that connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing passes for so long.
    Delay {
        /// After this many bytes.
        after_bytes: u64,
        /// How long.
        time: Duration,
    },
    /// From here on, pieces of so many bytes, each written by itself.
    Trickle {
        /// After this many bytes.
        after_bytes: u64,
        /// The size of a piece.
        piece_bytes: usize,
        /// The pause behind each.
        pause: Duration,
    },
    /// The bits of one byte are turned over.
    Flip {
        /// Which byte, counted from 0.
        after_bytes: u64,
    },
    /// Bytes that nobody sent.
    Insert {
        /// After this many bytes.
        after_bytes: u64,
        /// What is put in.
        bytes: Vec<u8>,
    },
    /// Both sides get an orderly end (FIN).
    Cut {
        /// After this many bytes.
        after_bytes: u64,
    },
    /// Whoever is sent to gets an orderly end; the other direction goes on.
    HalfClose {
        /// After this many bytes.
        after_bytes: u64,
    },
    /// Both sides get a reset (RST).
    Reset {
        /// After this many bytes.
        after_bytes: u64,
    },
    /// Nothing more passes in this direction, and nothing more is read; the connection stays open.
    Stall {
        /// After this many bytes.
        after_bytes: u64,
    },
}

impl Fault {
    fn after_bytes(&self) -> u64 {
        match self {
            Self::Delay { after_bytes, .. }
            | Self::Trickle { after_bytes, .. }
            | Self::Flip { after_bytes }
            | Self::Insert { after_bytes, .. }
            | Self::Cut { after_bytes }
            | Self::HalfClose { after_bytes }
            | Self::Reset { after_bytes }
            | Self::Stall { after_bytes } => *after_bytes,
        }
    }
}

/// What is done to one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// To what whoever connected sends.
    pub onward: Vec<Fault>,
    /// To what comes back.
    pub back: Vec<Fault>,
}

impl Faults {
    /// Everything passes as it is.
    pub fn none() -> Self {
        Self::default()
    }

    /// Faults of what is sent on.
    pub fn onward(faults: impl Into<Vec<Fault>>) -> Self {
        Self { onward: faults.into(), back: Vec::new() }
    }

    /// Faults of what comes back.
    pub fn back(faults: impl Into<Vec<Fault>>) -> Self {
        Self { onward: Vec::new(), back: faults.into() }
    }
}

/// What passed so far, over all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Connections that were taken.
    pub connections: u64,
    /// Bytes written to the target.
    pub onward_bytes: u64,
    /// Bytes written back.
    pub back_bytes: u64,
    /// Faults that were carried out.
    pub faults: u64,
}

type Script = dyn Fn(u64) -> Faults + Send + Sync;

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    onward_bytes: AtomicU64,
    back_bytes: AtomicU64,
    faults: AtomicU64,
    ending: AtomicBool,
}

/// A running proxy. Dropped, it ends and its connections with it.
pub struct FaultProxy {
    address: SocketAddr,
    counts: Arc<Counts>,
    script: Arc<Mutex<Arc<Script>>>,
}

impl FaultProxy {
    /// A proxy on a free port of 127.0.0.1 that passes everything on to `target` as it is.
    pub fn to(target: SocketAddr) -> Self {
        Self::scripted(target, |_| Faults::none())
    }

    /// A proxy that does to the connection of each number, counted from 0, what the script says.
    pub fn scripted(target: SocketAddr, script: impl Fn(u64) -> Faults + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let counts = Arc::<Counts>::default();
        let script: Arc<Mutex<Arc<Script>>> = Arc::new(Mutex::new(Arc::new(script)));
        let (taking, scripts) = (Arc::clone(&counts), Arc::clone(&script));
        std::thread::spawn(move || {
            while let Ok((caller, _)) = listener.accept() {
                if taking.ending.load(Ordering::SeqCst) {
                    return;
                }
                let number = taking.connections.fetch_add(1, Ordering::SeqCst);
                let script = Arc::clone(&scripts.lock().unwrap_or_else(PoisonError::into_inner));
                let counts = Arc::clone(&taking);
                std::thread::spawn(move || carry(caller, target, script(number), &counts));
            }
        });
        Self { address, counts, script }
    }

    /// A proxy whose faults are drawn: the same seed gives the connection of the same number the same faults.
    pub fn drawn(target: SocketAddr, seed: u64, faults: impl Fn(&mut Draw) -> Faults + Send + Sync + 'static) -> Self {
        Self::scripted(target, move |number| faults(&mut Draw::new(seed).fork(number)))
    }

    /// What is done to connections from now on; numbers are counted on.
    pub fn script(&self, script: impl Fn(u64) -> Faults + Send + Sync + 'static) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What passed so far.
    pub fn passed(&self) -> Passed {
        Passed {
            connections: self.counts.connections.load(Ordering::SeqCst),
            onward_bytes: self.counts.onward_bytes.load(Ordering::SeqCst),
            back_bytes: self.counts.back_bytes.load(Ordering::SeqCst),
            faults: self.counts.faults.load(Ordering::SeqCst),
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.counts.ending.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that the port is given back.
        let _ = TcpStream::connect(self.address);
    }
}

/// Carries one connection to its end. A target that can't be reached is what a reset says to the caller.
fn carry(caller: TcpStream, target: SocketAddr, faults: Faults, counts: &Arc<Counts>) {
    let Ok(service) = TcpStream::connect(target) else {
        passage::reset(&caller);
        return;
    };
    let (caller, service) = (Arc::new(caller), Arc::new(service));
    let (over, is_cut) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let way = |from: &Arc<TcpStream>, to: &Arc<TcpStream>, faults: Vec<Fault>, is_onward| Passage {
        from: Arc::clone(from),
        to: Arc::clone(to),
        faults: sorted(faults),
        counts: Arc::clone(counts),
        over: Arc::clone(&over),
        is_cut: Arc::clone(&is_cut),
        is_onward,
        piece: None,
    };
    let onward = way(&caller, &service, faults.onward, true);
    let back = way(&service, &caller, faults.back, false);
    drop((caller, service));
    let other = std::thread::spawn(move || back.run());
    onward.run();
    let _ = other.join();
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(Fault::after_bytes);
    faults
}

#[cfg(test)]
mod tests;
