//! A service that is no more than a script on each connection: for what happens before a request, or without one.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A listening socket on a free port of 127.0.0.1. Dropped, it takes no more connections.
pub struct RawService {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
}

impl RawService {
    /// Starts one: the script is given each connection with its number, counted from 0, in a thread of its own.
    pub fn start(script: impl Fn(u64, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (connections, ending) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counted, ends, script) = (Arc::clone(&connections), Arc::clone(&ending), Arc::new(script));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let _ = stream.set_nodelay(true);
                let (number, script) = (counted.fetch_add(1, Ordering::SeqCst), Arc::clone(&script));
                std::thread::spawn(move || script(number, stream));
            }
        });
        Self { address, connections, ending }
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for RawService {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that the port is given back.
        let _ = TcpStream::connect(self.address);
    }
}
