//! Starts the service on a free port and speaks HTTP/1.1 to it by hand, so that nothing smooths an answer.
//! It knows no resource.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use limen_sample::{SampleError, Settings, open};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const PUBLIC_URL: &str = "http://door.example/constituent/v1";
pub(crate) const RESTRICTED: (&str, &str) = ("Limen-User", limen_sample::RESTRICTED_USER);
pub(crate) const JSON: (&str, &str) = ("Content-Type", "application/json");

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), SampleError>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert!(self.head.to_ascii_lowercase().contains("content-type: application/json"), "{}", self.head);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The message of a refusal, whose status must be this.
    pub(crate) fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        self.json()["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn accepted(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    pub(crate) fn accepted_empty(&self) {
        assert_eq!((self.status, self.body.as_str()), (200, ""));
    }

    pub(crate) fn pointers(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap().iter();
        errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }
}

impl Service {
    pub(crate) async fn start(folder: &Path) -> Self {
        let settings = Settings { database: folder.join("sample.db"), public_base_url: format!("{PUBLIC_URL}/") };
        let sample = open(settings).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            stopped.await.ok();
        };
        Self { address, stop, task: tokio::spawn(sample.serve(listener, shutdown)) }
    }

    pub(crate) async fn fresh() -> (TempDir, Self) {
        let folder = tempfile::tempdir().unwrap();
        let service = Self::start(folder.path()).await;
        (folder, service)
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(20), self.task).await.unwrap().unwrap().unwrap();
    }

    pub(crate) async fn send(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: sample\r\nConnection: close\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body).await.unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).await.unwrap();
            String::from_utf8(received).unwrap()
        };
        let received = tokio::time::timeout(Duration::from_secs(20), exchange).await.unwrap();
        let (head, body) = received.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    pub(crate) async fn get_restricted(&self, path: &str) -> Answer {
        self.send("GET", path, &[RESTRICTED], b"").await
    }

    pub(crate) async fn write(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, &[JSON], body.to_string().as_bytes()).await
    }

    /// Follows `next_link` to the end and returns every id, with the count of each page.
    pub(crate) async fn walk(&self, path: &str, user: Option<(&str, &str)>) -> (Vec<String>, Vec<i64>) {
        let (mut ids, mut counts, mut next) = (Vec::new(), Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let page = self.send("GET", &path, user.as_slice(), b"").await.accepted();
            counts.push(page["count"].as_i64().unwrap());
            ids.extend(ids_of(&page));
            let link = page.get("next_link").map(|link| link.as_str().unwrap());
            next = link.map(|link| link.strip_prefix(PUBLIC_URL).unwrap().to_owned());
            assert!(counts.len() < 1000, "the list has no end");
        }
        (ids, counts)
    }
}

pub(crate) fn ids_of(page: &Value) -> Vec<String> {
    page["value"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}
