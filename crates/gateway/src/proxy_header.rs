//! Takes the header of the PROXY protocol off the front of a connection, and nothing that follows it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use limen_http1::proxy_protocol::{HEADER_MAX_BYTES, ProxyFlaw, ProxyHeader, read};
use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// For the header to arrive.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection has no header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Headless {
    #[error("{0}")]
    Flaw(ProxyFlaw),
    #[error("the connection ended inside of the PROXY protocol header: {0}")]
    Broken(io::Error),
    #[error("the PROXY protocol header did not come within {} s", TIMEOUT.as_secs())]
    Late,
}

/// Whom the connection is for; none where the proxy speaks for itself. Until the header is whole nothing of it is
/// taken, so whoever gets the connection instead finds all of it.
pub(crate) async fn take(stream: &TcpStream) -> Result<Option<SocketAddr>, Headless> {
    let header = tokio::time::timeout(TIMEOUT, whole(stream)).await.map_err(|_| Headless::Late)??;
    let mut taken = vec![0_u8; header.len];
    // All of it was seen waiting, so it comes at once.
    match stream.try_read(&mut taken) {
        Ok(read) if read == header.len => Ok(header.source),
        Ok(_) => Err(Headless::Broken(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(Headless::Broken(error)),
    }
}

async fn whole(stream: &TcpStream) -> Result<ProxyHeader, Headless> {
    let mut buffer = [0_u8; HEADER_MAX_BYTES];
    let mut seen = 0;
    loop {
        let ready = stream.ready(Interest::READABLE).await.map_err(Headless::Broken)?;
        let peeked = stream.try_io(Interest::READABLE, || {
            let (peeked, _) = recv(stream, &mut buffer, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
            // The same as before: more is waited for.
            if peeked == seen && peeked > 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(peeked) }
        });
        let peeked = match peeked {
            Ok(peeked) => peeked,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !ready.is_read_closed() => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(Headless::Broken(error)),
        };
        if peeked == 0 {
            return Err(Headless::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        seen = peeked;
        if let Some(header) = read(buffer.get(..seen).unwrap_or_default()).map_err(Headless::Flaw)? {
            return Ok(header);
        }
    }
}
