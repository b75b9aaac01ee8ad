//! A caller that speaks HTTP/2 as it should, in clear or over TLS; many calls at a time over one connection.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use crate::http::Answer;
use crate::tls::TlsCaller;

/// One connection of HTTP/2.
pub struct Http2 {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    origin: String,
    within: Duration,
}

/// As most callers do, no more calls are begun than any server takes before what this one takes is known.
fn patient() -> h2::client::Builder {
    let mut builder = h2::client::Builder::new();
    builder.initial_max_send_streams(100);
    builder
}

impl Http2 {
    /// A connection in clear, by prior knowledge. Ends the test where there is none.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        Self::connect(address, None)
    }

    /// A connection over TLS, to this host.
    #[track_caller]
    pub fn secure(address: SocketAddr, caller: &TlsCaller, host: &str) -> Self {
        Self::connect(address, Some((caller, host)))
    }

    #[track_caller]
    fn connect(address: SocketAddr, tls: Option<(&TlsCaller, &str)>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let requests = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.expect("a connection");
            match tls {
                None => {
                    let (requests, connection) = patient().handshake(stream).await.expect("HTTP/2");
                    tokio::spawn(connection);
                    requests
                }
                Some((caller, host)) => {
                    let name = ServerName::try_from(host.to_owned()).expect("a name");
                    let stream = TlsConnector::from(caller.config()).connect(name, stream).await.expect("TLS");
                    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                    let (requests, connection) = patient().handshake(stream).await.expect("HTTP/2");
                    tokio::spawn(connection);
                    requests
                }
            }
        });
        Self { runtime, requests, origin: format!("{scheme}://{address}"), within: Duration::from_secs(30) }
    }

    /// One call. Ends the test where no answer comes.
    #[track_caller]
    pub fn call(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_call(method, target, headers, body)
            .unwrap_or_else(|error| panic!("no answer to {method} {target}: {error}"))
    }

    /// A GET.
    #[track_caller]
    pub fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.call("GET", target, headers, None)
    }

    /// One call. An answer that is reset inside its body is `cut`.
    ///
    /// # Errors
    /// A stream or a connection that ends before an answer's head.
    pub fn try_call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, h2::Error> {
        self.runtime.block_on(self.calling(method, target, headers, body))
    }

    /// As many calls at once, all alike; their answers in the order of their beginning.
    #[track_caller]
    pub fn at_once(
        &self,
        count: usize,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Vec<Answer> {
        self.runtime.block_on(async {
            let mut calls: Vec<_> =
                (0..count).map(|_| Some(Box::pin(self.calling(method, target, headers, body)))).collect();
            let mut answers: Vec<Option<Answer>> = vec![None; count];
            std::future::poll_fn(|context| {
                for (call, answer) in calls.iter_mut().zip(&mut answers) {
                    if let Some(pending) = call
                        && let std::task::Poll::Ready(came) = pending.as_mut().poll(context)
                    {
                        *answer = Some(came.expect("an answer"));
                        *call = None;
                    }
                }
                if calls.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            answers.into_iter().flatten().collect()
        })
    }

    async fn calling(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, h2::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{target}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let call = async {
            let mut requests = self.requests.clone().ready().await?;
            let (answering, mut sending) =
                requests.send_request(request.body(()).expect("a request"), body.is_none())?;
            if let Some(body) = body {
                // What isn't taken any more is told by the answer.
                let _ = sending.send_data(Bytes::copy_from_slice(body), true);
            }
            let (head, mut body) = answering.await?.into_parts();
            let mut answer = Answer { status: head.status.as_u16(), ..Answer::default() };
            for (name, value) in &head.headers {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                answer.headers.push((name.as_str().to_owned(), value));
            }
            while let Some(data) = body.data().await {
                match data {
                    Ok(data) => {
                        let _ = body.flow_control().release_capacity(data.len());
                        answer.body.extend_from_slice(&data);
                    }
                    // A request that wasn't read to its end is given back so; the answer is whole.
                    Err(error) if error.reason() == Some(h2::Reason::NO_ERROR) => break,
                    Err(_) => {
                        answer.cut = true;
                        break;
                    }
                }
            }
            Ok(answer)
        };
        tokio::time::timeout(self.within, call).await.expect("an answer in time")
    }
}
