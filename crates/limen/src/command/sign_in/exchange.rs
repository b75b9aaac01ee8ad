//! One form to the web address over plain HTTP, and the answer; what was refused in the words of the refusal.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::command::Trouble;

const ANSWER_MAX_BYTES: usize = 1 << 20;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the web address is.
#[derive(Debug)]
pub(super) struct Endpoint {
    host: String,
    port: u16,
    authority: String,
    /// A path that stands before ours, without a slash at its end.
    path: String,
}

/// A refusal of the token endpoint, RFC 6749 §5.2.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_uri: String,
}

impl Endpoint {
    /// Reads the web address.
    ///
    /// # Errors
    /// Where it isn't one that this command can speak with.
    pub(super) fn parse(web: &str) -> Result<Self, Trouble> {
        let no_address = || Trouble::wrong(format!("'{web}' is no web address"), "write it like http://127.0.0.1:8081");
        let uri: Uri = web.parse().map_err(|_| no_address())?;
        if uri.scheme_str() == Some("https") {
            return Err(Trouble::wrong(
                format!("the web address {web} speaks TLS, which this command doesn't"),
                "tell its plain address on this machine with --web, or use an OAuth library",
            ));
        }
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(no_address()) };
        Ok(Self {
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(80),
            authority: authority.to_string(),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Sends a form; the answer's JSON as it came.
    ///
    /// # Errors
    /// What was refused, or why nothing was answered.
    pub(super) async fn post_form(&self, path: &str, form: &str) -> Result<String, Trouble> {
        let silent = |error: String| {
            let what = format!("{} gave no answer: {error}", self.authority);
            Trouble::refused(what, "look whether Limen runs there, then sign in again")
        };
        let exchange = tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(path, form)).await;
        let (is_success, answer) =
            exchange.map_err(|_| silent("30 s went by".to_owned()))?.map_err(|error| silent(error.to_string()))?;
        if is_success { Ok(answer) } else { Err(refused(&answer)) }
    }

    async fn exchange(
        &self,
        path: &str,
        form: &str,
    ) -> Result<(bool, String), Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.path))
            .header(header::HOST, &self.authority)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::copy_from_slice(form.as_bytes())))?;
        let answered = async {
            let response = sender.send_request(request).await?;
            let is_success = response.status().is_success();
            let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await?;
            Ok((is_success, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
        };
        let answered = answered.await;
        driver.abort();
        answered
    }
}

fn refused(answer: &str) -> Trouble {
    match serde_json::from_str::<Refusal>(answer) {
        Ok(Refusal { error, error_description, error_uri }) => {
            let mend = if error_uri.is_empty() { "sign in again".to_owned() } else { format!("see {error_uri}") };
            Trouble::refused(format!("no token was given: {error_description} ({error})"), mend)
        }
        Err(_) => Trouble::refused("the answer of the token endpoint can't be understood", "tell the right --web"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_addresses_are_read() {
        let read = |web: &str| Endpoint::parse(web).map(|one| (one.host, one.port, one.authority, one.path));
        let found = |host: &str, port, authority: &str, path: &str| {
            Ok((host.to_owned(), port, authority.to_owned(), path.to_owned()))
        };
        assert_eq!(read("http://127.0.0.1:8081"), found("127.0.0.1", 8081, "127.0.0.1:8081", ""));
        assert_eq!(read("http://[::1]:1/sign/"), found("::1", 1, "[::1]:1", "/sign"));
        assert_eq!(read("http://web.example"), found("web.example", 80, "web.example", ""));
        assert!(read("https://web.example").expect_err("TLS").what.contains("TLS"));
        for bad in ["", "web.example", "ftp://a", "/"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_words_and_its_page() {
        let told = refused(
            r#"{"error":"invalid_grant","error_description":"It is over.","error_uri":"http://w/authentication-issues#x"}"#,
        );
        assert_eq!(told.what, "no token was given: It is over. (invalid_grant)");
        assert_eq!(told.mend, "see http://w/authentication-issues#x");
    }
}
