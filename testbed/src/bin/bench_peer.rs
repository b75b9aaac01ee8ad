//! What `cargo xtask bench` measures with: a small service, and a blind copy of bytes that knows no HTTP.
//!
//! `bench_peer service ADDRESS` · `bench_peer copy ADDRESS TARGET`; either tells where it listens on a first line.

use std::cell::Cell;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n\
                        {\"value\":\"0123456789 0123456789 012345\"}";
/// Asked for this, the service tells how many calls it has had.
const COUNT: &[u8] = b"GET /count ";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_peer: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    match words.as_slice() {
        ["service", address] => local.block_on(&runtime, serve(address)),
        ["copy", address, target] => {
            let target: SocketAddr = target.parse().context("TARGET is HOST:PORT")?;
            local.block_on(&runtime, copy(address, target))
        }
        _ => bail!("say 'service ADDRESS' or 'copy ADDRESS TARGET'"),
    }
}

async fn listen(address: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("{address} can't be listened on"))?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    Ok(listener)
}

async fn serve(address: &str) -> Result<()> {
    let listener = listen(address).await?;
    let calls = Rc::new(Cell::new(0_u64));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let calls = Rc::clone(&calls);
        tokio::task::spawn_local(async move {
            let _ = answer(stream, &calls).await; // The caller left.
        });
    }
}

/// Answers each head that ends, and passes over bodies: none has what ends a head in it.
async fn answer(mut stream: TcpStream, calls: &Cell<u64>) -> std::io::Result<()> {
    let mut buffer = vec![0_u8; 16 << 10];
    let mut ended = 0; // How much of a head's end has been read.
    loop {
        let count = stream.read(&mut buffer).await?;
        let read = buffer.get(..count).unwrap_or_default();
        if read.is_empty() {
            return Ok(());
        }
        if read.starts_with(COUNT) {
            let told = calls.get().to_string();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{told}", told.len());
            return stream.write_all(head.as_bytes()).await;
        }
        for byte in read {
            ended = match (byte, ended) {
                (b'\r', 0 | 2) | (b'\n', 1 | 3) => ended + 1,
                (b'\r', _) => 1,
                _ => 0,
            };
            if ended == 4 {
                ended = 0;
                calls.set(calls.get() + 1);
                stream.write_all(ANSWER).await?;
            }
        }
    }
}

async fn copy(address: &str, target: SocketAddr) -> Result<()> {
    let listener = listen(address).await?;
    loop {
        let (mut near, _) = listener.accept().await?;
        tokio::task::spawn_local(async move {
            let Ok(mut far) = TcpStream::connect(target).await else { return };
            let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await; // Either side left.
        });
    }
}
