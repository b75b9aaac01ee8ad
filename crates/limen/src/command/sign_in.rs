//! `limen sign-in`: a token through a browser, as a native application gets one (RFC 8252: loopback redirect and PKCE).
//!
//! An ordinary caller of the web address: whatever it can do, a program of somebody else can do too.

mod callback;
mod exchange;

use std::io::Write as _;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limen_portal::wire::Status;
use limen_rules::model::{Api, DEFAULT_KEY_HEADER, Declared, Operation};
use limen_rules::sign_in::pkce::challenge_of;
use serde::Deserialize;
use tokio::net::TcpListener;

use super::show::{segment, span};
use super::{Context, Trouble, read};
use crate::arguments::{Output, SignIn};
use callback::Expected;

/// The path of the redirect URI; a public application registers `http://127.0.0.1/callback`.
const CALLBACK_PATH: &str = "/callback";
/// Nobody waits longer for a browser.
const WAIT_MAX_S: u64 = 3_600;

pub(super) fn run(context: &Context, asked: SignIn) -> Result<String, Trouble> {
    let status: Option<Status> = match asked.web {
        Some(_) => None,
        None => Some(read(&context.admin.get("/v1/status")?)?),
    };
    let web = asked.web.as_deref().or(status.as_ref().map(|status| &*status.web)).unwrap_or_default();
    let web = web.trim_end_matches('/').to_owned();
    let endpoint = exchange::Endpoint::parse(&web)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    let (answer, token) = runtime.block_on(flow(&asked, &web, &endpoint))?;
    if asked.token {
        return Ok(token.access_token);
    }
    match context.output {
        Output::Json => Ok(answer),
        Output::Table => {
            let declared: Option<Declared> = match status {
                Some(_) => Some(read(&context.admin.get_declared("/v1/declared")?)?),
                None => None,
            };
            let url = status.zip(declared).and_then(|(status, declared)| to_try(&status.gateway, &declared));
            Ok(words(&token, url.as_deref(), &asked, &context.data_dir_flag()))
        }
    }
}

/// The address of an operation that a GET without parameters calls.
fn to_try(gateway: &str, declared: &Declared) -> Option<String> {
    let asks_for_token = |api: &&Api| api.access.needs_token();
    declared.apis.iter().filter(asks_for_token).find_map(|api| {
        let plain = |one: &&Operation| one.method == "GET" && !one.path.contains('{');
        let path = match api.operations.is_empty() {
            true => "/",
            false => &api.operations.iter().find(plain)?.path,
        };
        Some(format!("{gateway}{}{path}", api.base_path))
    })
}

/// What the token endpoint answers, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Token {
    access_token: String,
    expires_in: u64,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    environment_name: String,
    #[serde(default)]
    given_name: String,
    #[serde(default)]
    family_name: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    scope: String,
}

/// From an address to open to a token: the answer as it came, and what was read of it.
async fn flow(asked: &SignIn, web: &str, endpoint: &exchange::Endpoint) -> Result<(String, Token), Trouble> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| failed(&error))?;
    let port = listener.local_addr().map_err(|error| failed(&error))?.port();
    let redirect_uri = format!("http://127.0.0.1:{port}{CALLBACK_PATH}");
    let (verifier, state) = (random::<32>()?, random::<16>()?);
    let challenge = challenge_of(&verifier).unwrap_or_default();
    let address = address(asked, web, &redirect_uri, &challenge, &state);
    let wait_s = asked.wait.seconds.clamp(1, WAIT_MAX_S);
    // On standard error: standard output has the answer alone.
    let _ = writeln!(
        std::io::stderr(),
        "Open this address in a browser on this machine:\n\n  {address}\n\nWaiting for it to come back, {} at most.",
        span(wait_s)
    );
    let expected = Expected { path: CALLBACK_PATH, state, issuer: web.to_owned() };
    let waited = tokio::time::timeout(Duration::from_secs(wait_s), callback::wait(listener, expected)).await;
    let code = waited.map_err(|_| {
        Trouble::refused(
            format!("nobody came back within {}", span(wait_s)),
            "ask again; the page that the address leads to says what is wrong, if something is",
        )
    })??;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("client_id", &asked.application),
        ("code_verifier", &verifier),
    ];
    let answer = endpoint.post_form("/token", &encoded(&form)).await?;
    let token = read(&answer)?;
    Ok((answer, token))
}

fn address(asked: &SignIn, web: &str, redirect_uri: &str, challenge: &str, state: &str) -> String {
    let mut query = vec![
        ("response_type", "code"),
        ("client_id", &asked.application),
        ("redirect_uri", redirect_uri),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
        ("state", state),
    ];
    query.extend(asked.environment.as_deref().map(|environment| ("environment_id", environment)));
    query.extend(asked.scope.as_deref().map(|scope| ("scope", scope)));
    format!("{web}/authorization?{}", encoded(&query))
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", segment(value))).collect();
    pairs.join("&")
}

/// Random bytes in base64url.
fn random<const BYTES: usize>() -> Result<String, Trouble> {
    let mut bytes = [0_u8; BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Trouble::refused("the operating system gives no randomness", "try again in a moment"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn failed(error: &std::io::Error) -> Trouble {
    Trouble::refused(format!("sign-in can't begin: {error}"), "try again")
}

fn words(token: &Token, url: Option<&str>, asked: &SignIn, data_dir_flag: &str) -> String {
    let name = format!("{} {}", token.given_name, token.family_name);
    let name = if name.trim().is_empty() { &token.user_id } else { name.trim() };
    let reach = match token.mode.as_str() {
        "Limited" => format!("limited to {}", token.scope),
        _ => "for all that they may do".to_owned(),
    };
    let url = url.unwrap_or("ADDRESS-OF-THE-API");
    let refresh = match token.refresh_token.as_str() {
        "" => String::new(),
        refresh => format!("\nRefresh token, good for one new access token:\n\n  {refresh}\n"),
    };
    format!(
        "Signed in as {name} in {}, {reach}; good for {}:\n\n{}\n{refresh}\nTry it, with a subscription key:\n\n  \
         curl -i -H '{DEFAULT_KEY_HEADER}: KEY' -H \"Authorization: Bearer TOKEN\" {url}\n\n\
         The token alone, for a script:\n\n  limen sign-in --application {} --token{data_dir_flag}\n",
        token.environment_name,
        span(token.expires_in),
        token.access_token,
        asked.application,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Duration as Wait;

    fn asked() -> SignIn {
        SignIn {
            application: "shop-cli".into(),
            environment: Some("north".into()),
            scope: Some("order.read order.write".into()),
            web: None,
            token: false,
            wait: Wait { seconds: 300 },
        }
    }

    #[test]
    fn the_address_has_all_that_a_public_application_must_send() {
        assert_eq!(
            address(&asked(), "http://web.example", "http://127.0.0.1:1/callback", "c", "s"),
            "http://web.example/authorization?response_type=code&client_id=shop-cli\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&code_challenge=c&code_challenge_method=S256&state=s\
             &environment_id=north&scope=order.read%20order.write"
        );
        let verifier = random::<32>().expect("randomness");
        assert_eq!(challenge_of(&verifier).map(|challenge| challenge.len()), Some(43));
    }

    #[test]
    fn a_token_stands_alone_in_its_line() {
        let token: Token = serde_json::from_value(serde_json::json!({
            "access_token": "aaa.bbb.ccc", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "limen_rt_x",
            "environment_name": "North", "given_name": "Bo", "family_name": "Lind", "mode": "Limited", "scope": "order.read"
        }))
        .expect("an answer");
        let shown = words(&token, None, &asked(), "");
        assert!(shown.starts_with("Signed in as Bo Lind in North, limited to order.read; good for 1 h:\n"), "{shown}");
        assert!(shown.lines().any(|line| line == "aaa.bbb.ccc"), "{shown}");
        assert!(shown.contains("limen sign-in --application shop-cli --token\n"), "{shown}");
    }
}
