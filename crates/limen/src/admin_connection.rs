//! One question to a running Limen: HTTP/1.1 over the admin socket in its data folder, bounded in size and time.
//!
//! It knows no endpoint and no form of an answer, only how to ask and what to say when nobody answers.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use limen_portal::connect_admin_socket;
use limen_portal::wire::AdminError;
use serde::{Deserialize, Serialize};

use crate::command::Trouble;
use crate::config::DEFAULT_DATA_DIR;

const ANSWER_MAX_BYTES: usize = 16 << 20;
/// What is declared holds whole documents.
const DECLARED_MAX_BYTES: usize = 512 << 20;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The way to the Limen that serves a data folder.
#[derive(Debug)]
pub(crate) struct AdminConnection {
    data_dir: PathBuf,
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error("{0}")]
    Connect(io::Error),
    #[error("{0}")]
    Exchange(Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within 30 s")]
    Timeout,
}

impl AdminConnection {
    /// The way to the Limen that serves `data_dir`; nothing is opened yet.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned() }
    }

    /// The folder that it leads to.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Asks with `GET`; the answer's JSON as it came.
    ///
    /// # Errors
    /// What Limen refused, or why nothing was answered.
    pub(crate) fn get(&self, path: &str) -> Result<String, Trouble> {
        self.ask(Method::GET, path, Bytes::new())
    }

    /// Asks with `GET` for what is declared, with the documents that are part of it.
    ///
    /// # Errors
    /// What Limen refused, or why nothing was answered.
    pub(crate) fn get_declared(&self, path: &str) -> Result<String, Trouble> {
        self.ask_up_to(DECLARED_MAX_BYTES, Method::GET, path, Bytes::new())
    }

    /// Asks with `DELETE`; the answer's JSON as it came.
    ///
    /// # Errors
    /// What Limen refused, or why nothing was answered.
    pub(crate) fn delete(&self, path: &str) -> Result<String, Trouble> {
        self.ask(Method::DELETE, path, Bytes::new())
    }

    /// Asks with `POST` and a JSON body; the answer's JSON as it came.
    ///
    /// # Errors
    /// What Limen refused, or why nothing was answered.
    pub(crate) fn post(&self, path: &str, body: &impl Serialize) -> Result<String, Trouble> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Trouble::refused(format!("the question can't be written: {error}"), "report this"))?;
        self.ask(Method::POST, path, body.into())
    }

    /// Asks with `POST`, the body being a file's bytes; the answer's JSON as it came.
    ///
    /// # Errors
    /// What Limen refused, or why nothing was answered.
    pub(crate) fn post_file(&self, path: &str, file: Vec<u8>) -> Result<String, Trouble> {
        self.ask(Method::POST, path, file.into())
    }

    fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<String, Trouble> {
        self.ask_up_to(ANSWER_MAX_BYTES, method, path, body)
    }

    fn ask_up_to(&self, max_bytes: usize, method: Method, path: &str, body: Bytes) -> Result<String, Trouble> {
        let fault = |error: &dyn std::error::Error| Trouble::refused(error.to_string(), "try again");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::HOST, "limen")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| fault(&error))?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| fault(&error))?;
        let answered = runtime.block_on(async {
            let exchange = exchange(&self.data_dir, request, max_bytes);
            tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.unwrap_or(Err(Silence::Timeout))
        });
        let (status, bytes) = answered.map_err(|silence| self.explain(&silence))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if status.is_success() { Ok(text) } else { Err(refusal(status, &text)) }
    }

    /// What to tell somebody whose question stayed without an answer.
    fn explain(&self, silence: &Silence) -> Trouble {
        let folder = self.data_dir.display();
        let owner = std::fs::metadata(&self.data_dir).map(|found| found.uid()).ok();
        let own = rustix::process::geteuid().as_raw();
        let foreign = owner.filter(|owner| *owner != own && own != 0);
        match silence {
            Silence::Connect(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Trouble::wrong(format!("no Limen runs on {folder}"), format!("start it with: {}", self.up()))
            }
            Silence::Connect(error) if error.kind() == io::ErrorKind::PermissionDenied => match foreign {
                Some(owner) => self.not_ours(owner),
                None => Trouble::wrong(
                    format!("{folder} may not be entered"),
                    "run the command as the user that runs Limen, or name another folder with --data-dir",
                ),
            },
            Silence::Connect(error) => {
                Trouble::wrong(format!("{folder} leads to no Limen: {error}"), "name its folder with --data-dir")
            }
            Silence::Exchange(error) => match foreign {
                Some(owner) => self.not_ours(owner),
                None => Trouble::refused(
                    format!("the answer from {folder} broke off: {error}"),
                    "look at the log of that Limen, then ask again",
                ),
            },
            Silence::Timeout => Trouble::refused(
                format!("the Limen on {folder} gave no answer within 30 s"),
                "look at its log; what was asked may still happen, so look with 'limen status' before asking again",
            ),
        }
    }

    fn not_ours(&self, owner: u32) -> Trouble {
        Trouble::wrong(
            format!("{} belongs to another user (uid {owner}), who alone may administer it", self.data_dir.display()),
            format!("run the command as that user: sudo -u '#{owner}' limen …"),
        )
    }

    fn up(&self) -> String {
        if self.data_dir == Path::new(DEFAULT_DATA_DIR) {
            return "limen up".to_owned();
        }
        format!("limen up --data-dir {}", self.data_dir.display())
    }
}

async fn exchange(
    data_dir: &Path,
    request: Request<Full<Bytes>>,
    max_bytes: usize,
) -> Result<(StatusCode, Bytes), Silence> {
    let stream = connect_admin_socket(data_dir)
        .and_then(|stream| stream.set_nonblocking(true).map(|()| stream))
        .and_then(tokio::net::UnixStream::from_std)
        .map_err(Silence::Connect)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| Silence::Exchange(e.into()))?;
    let driver = tokio::spawn(connection);
    let answered = async {
        let response = sender.send_request(request).await.map_err(|error| Silence::Exchange(error.into()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), max_bytes).collect().await.map_err(Silence::Exchange)?;
        Ok((status, body.to_bytes()))
    };
    let answered = answered.await;
    driver.abort();
    answered
}

fn refusal(status: StatusCode, text: &str) -> Trouble {
    #[derive(Deserialize)]
    struct Envelope {
        error: AdminError,
    }
    let Ok(Envelope { error }) = serde_json::from_str(text) else {
        let what = format!("the answer {} can't be understood", status.as_u16());
        return Trouble::refused(what, "use the command line of the version that runs");
    };
    let more = error.problems.iter().skip(1);
    let more = more.map(|problem| format!("{}: {}; mend: {}", problem.field, problem.message, problem.mend));
    Trouble { more: more.collect(), ..Trouble::refused(error.message, error.mend) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Answers one connection on a socket in `folder` with these bytes, once the question's head was read.
    fn answering(folder: &Path, answer: Vec<u8>) -> std::thread::JoinHandle<String> {
        let listener = UnixListener::bind(folder.join("admin.sock")).expect("a socket");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut question = Vec::new();
            let mut piece = [0_u8; 1024];
            while !question.windows(4).any(|window| window == b"\r\n\r\n") {
                let count = stream.read(&mut piece).expect("a question");
                question.extend_from_slice(&piece[..count]);
            }
            // The asker may hang up before all is written.
            let _ = stream.write_all(&answer);
            String::from_utf8(question).expect("text")
        })
    }

    fn response(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    #[test]
    fn an_answer_comes_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = answering(folder.path(), response("200 OK", "[1,  2]"));
        assert_eq!(AdminConnection::new(folder.path()).get("/v1/apis").expect("an answer"), "[1,  2]");
        assert!(server.join().expect("a question").starts_with("GET /v1/apis HTTP/1.1\r\n"));
    }

    #[test]
    fn a_refusal_keeps_its_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let body = r#"{"error":{"message":"There is no API 'x'.","mend":"List them.","problems":[
            {"field":"a","message":"b","mend":"c"},{"field":"d","message":"e","mend":"f"}]}}"#;
        let server = answering(folder.path(), response("404 Not Found", body));
        let trouble = AdminConnection::new(folder.path()).delete("/v1/apis/x").expect_err("a refusal");
        assert_eq!((trouble.exit, &*trouble.what, &*trouble.mend), (1, "There is no API 'x'.", "List them."));
        assert_eq!(trouble.more, ["d: e; mend: f"]);
        server.join().expect("a question");
        std::fs::remove_file(folder.path().join("admin.sock")).expect("removed");
        let server = answering(folder.path(), response("500 Oops", "<html>"));
        let trouble = AdminConnection::new(folder.path()).get("/").expect_err("a refusal");
        assert_eq!(trouble.what, "the answer 500 can't be understood");
        server.join().expect("a question");
    }

    #[test]
    fn where_no_limen_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("data");
        let expected = (2, format!("no Limen runs on {}", data_dir.display()));
        let told = || {
            let trouble = AdminConnection::new(&data_dir).get("/v1/status").expect_err("nobody");
            assert_eq!(trouble.mend, format!("start it with: limen up --data-dir {}", data_dir.display()));
            (trouble.exit, trouble.what)
        };
        assert_eq!(told(), expected);
        std::fs::create_dir(&data_dir).expect("a folder");
        assert_eq!(told(), expected);
        drop(UnixListener::bind(data_dir.join("admin.sock")).expect("a socket"));
        assert_eq!(told(), expected);
        let trouble = AdminConnection::new(Path::new(DEFAULT_DATA_DIR))
            .explain(&Silence::Connect(io::Error::from(io::ErrorKind::NotFound)));
        assert_eq!(trouble.mend, "start it with: limen up");
    }

    #[test]
    fn what_breaks_off_or_never_ends_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = answering(folder.path(), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec());
        let trouble = AdminConnection::new(folder.path()).get("/").expect_err("half an answer");
        assert!(trouble.what.contains("broke off"), "{}", trouble.what);
        server.join().expect("a question");
        std::fs::remove_file(folder.path().join("admin.sock")).expect("removed");
        let huge = response("200 OK", &"x".repeat(ANSWER_MAX_BYTES + 1));
        let server = answering(folder.path(), huge);
        let trouble = AdminConnection::new(folder.path()).get("/").expect_err("too much");
        assert!(trouble.what.contains("broke off: length limit exceeded"), "{}", trouble.what);
        server.join().expect("a question");
    }
}
