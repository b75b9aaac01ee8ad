//! What a start tells: one line of JSON for programs, a few lines for people. Credentials are told once.

use std::io::Write as _;
use std::path::Path;

use limen_portal::ports::Addresses;
use limen_rules::model::DEFAULT_KEY_HEADER;
use serde_json::json;

use super::sample::{BASE_PATH, Credentials};
use crate::arguments::Output;
use crate::config::Settings;

/// Says that all is ready. `sample` is there while the sample is published, its credentials only on the first run.
pub(super) fn tell(
    output: Output,
    addresses: &Addresses,
    metrics_url: Option<&str>,
    sample: Option<Option<&Credentials>>,
    settings: &Settings,
) {
    let text = match output {
        Output::Json => ready(addresses, metrics_url, sample),
        Output::Table => {
            banner(&program(&settings.data_dir), addresses, sample, &settings.data_dir, &settings.secret_file)
        }
    };
    // Nobody may be listening any more; that is no reason to stop serving.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Links and realms are made of the public addresses; one like 0.0.0.0 leads nowhere.
pub(super) fn warn_of_unreachable(settings: &Settings) {
    let places = [
        (&settings.gateway_listen, &settings.gateway_public_url, "--gateway-public-url"),
        (&settings.web_listen, &settings.web_public_url, "--web-public-url"),
    ];
    for (place, public_url, flag) in places {
        if public_url.is_none() && !place.is_loopback() {
            tracing::warn!("answers will name {place} as our address; tell the one that callers use with {flag} URL");
        }
    }
}

fn ready(addresses: &Addresses, metrics_url: Option<&str>, sample: Option<Option<&Credentials>>) -> String {
    let mut line = json!({"event": "ready", "gateway": addresses.gateway_url, "web": addresses.web_url});
    if let Some(url) = metrics_url {
        line["metrics"] = json!(url);
    }
    if let Some(credentials) = sample {
        let mut told = json!({"base_path": BASE_PATH, "subscription_key_header": DEFAULT_KEY_HEADER});
        if let Some(credentials) = credentials {
            told["primary_key"] = json!(credentials.primary_key);
            told["secondary_key"] = json!(credentials.secondary_key);
            told["tokens"] = json!(credentials.tokens);
            let sign_in = &credentials.sign_in;
            told["application"] = json!(sign_in.application);
            told["public_application"] = json!(sign_in.public_application);
            told["environment"] = json!(sign_in.environment);
            told["passwords"] = json!(sign_in.passwords);
        }
        line["sample"] = told;
    }
    line.to_string()
}

/// How the program is called from the reader's shell, and with which folder.
fn program(data_dir: &Path) -> (String, String) {
    let invoked = std::env::args().next().filter(|invoked| invoked.contains('/'));
    let flag = match data_dir == Path::new(crate::config::DEFAULT_DATA_DIR) {
        true => String::new(),
        false => format!(" --data-dir {}", data_dir.display()),
    };
    (invoked.unwrap_or_else(|| "limen".into()), flag)
}

fn banner(
    (limen, flag): &(String, String),
    addresses: &Addresses,
    sample: Option<Option<&Credentials>>,
    data_dir: &Path,
    secret_file: &Path,
) -> String {
    let Addresses { gateway_url, web_url } = addresses;
    let folder = data_dir.display();
    let mut text = format!("\nLimen is ready.\n\n  Calls   {gateway_url}\n  Pages   {web_url}\n  Data    {folder}\n");
    if let Some(Some(credentials)) = sample {
        text.push_str(&told_once(credentials, addresses, limen, flag));
    } else if sample.is_some() {
        text.push_str(&format!(
            "
The sample API is published at {BASE_PATH}. Its credentials were shown on the first run. New ones:

  {limen} subscription list{flag}
  {limen} key regenerate SUBSCRIPTION --which primary --grace 24h{flag}
  {limen} token issue --user full --application ada-app --expires-in 24h{flag}
  {limen} user password full --generate{flag}
  {limen} application secret regenerate ada-app --which primary{flag}
"
        ));
    }
    text.push_str(&format!(
        "
Publish your own API:
  {limen} publish --target http://127.0.0.1:9000 --base-path /orders{flag}

Why was a call answered as it was? Its id is in every answer's X-Request-Id:
  {limen} explain REQUEST_ID{flag}
"
    ));
    if sample.is_some() {
        text.push_str(&format!(
            "
To undo: {limen} sample remove{flag}
  or stop with Ctrl-C and remove {folder} and {}.
",
            secret_file.display()
        ));
    }
    text
}

/// The credentials of a first run, and what to try them with.
fn told_once(credentials: &Credentials, addresses: &Addresses, limen: &str, flag: &str) -> String {
    let gateway_url = &addresses.gateway_url;
    let Credentials { primary_key, tokens, sign_in, .. } = credentials;
    let (application, passwords) = (&sign_in.application, &sign_in.passwords);
    format!(
        "
A sample API is published at {BASE_PATH}. Try it (all credentials are shown this once; the token lives 24 hours):

  curl -i {gateway_url}{BASE_PATH}/constituents/280 \\
    -H '{DEFAULT_KEY_HEADER}: {primary_key}' \\
    -H 'Authorization: Bearer {}'

Sign in as one of its users for a token of your own:
  {limen} sign-in --application {}{flag}

  user        password
  full        {}
  read-only   {}
  restricted  {}

An OAuth application for your own program, with the redirect URI {}:
  client_id      {}
  client_secret  {}
",
        tokens.full,
        sign_in.public_application,
        passwords.full,
        passwords.read_only,
        passwords.restricted,
        application.redirect_uri,
        application.id,
        application.primary_secret,
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample::{SecretApplication, SignIn, Tokens, UserPasswords};
    use super::*;

    fn addresses() -> Addresses {
        Addresses { gateway_url: "http://127.0.0.1:8080".into(), web_url: "http://127.0.0.1:8081".into() }
    }

    fn credentials() -> Credentials {
        let tokens = Tokens { full: "tf".into(), read_only: "tr".into(), restricted: "ts".into() };
        let application = SecretApplication {
            id: "ada-app",
            primary_secret: "ps".into(),
            secondary_secret: "ss".into(),
            redirect_uri: "http://localhost:8400/callback",
        };
        let passwords = UserPasswords { full: "wf".into(), read_only: "wr".into(), restricted: "ws".into() };
        let sign_in = SignIn { application, public_application: "ada-cli", environment: "demo", passwords };
        Credentials { primary_key: "pk".into(), secondary_key: "sk".into(), tokens, sign_in }
    }

    #[test]
    fn the_ready_line_has_the_form_that_programs_rely_on() {
        let credentials = credentials();
        let line: serde_json::Value =
            serde_json::from_str(&ready(&addresses(), Some("http://127.0.0.1:9464/metrics"), Some(Some(&credentials))))
                .unwrap();
        assert_eq!(
            line,
            json!({"event": "ready", "gateway": "http://127.0.0.1:8080", "web": "http://127.0.0.1:8081",
                "metrics": "http://127.0.0.1:9464/metrics", "sample": {
                "base_path": "/constituent/v1", "subscription_key_header": "Limen-Subscription-Key",
                "primary_key": "pk", "secondary_key": "sk",
                "tokens": {"full": "tf", "read_only": "tr", "restricted": "ts"},
                "application": {"id": "ada-app", "primary_secret": "ps", "secondary_secret": "ss",
                    "redirect_uri": "http://localhost:8400/callback"},
                "public_application": "ada-cli", "environment": "demo",
                "passwords": {"full": "wf", "read_only": "wr", "restricted": "ws"}}})
        );
        assert!(!ready(&addresses(), None, None).contains("sample"));
    }

    #[test]
    fn credentials_are_told_on_the_first_run_alone() {
        let credentials = credentials();
        let told = |sample| {
            let (program, folder) = (("limen".to_owned(), " --data-dir d".to_owned()), Path::new("d"));
            banner(&program, &addresses(), sample, folder, Path::new("d.secret"))
        };
        let first = told(Some(Some(&credentials)));
        assert!(first.contains("-H 'Limen-Subscription-Key: pk'") && first.contains("limen publish"));
        assert!(first.contains("  full        wf\n") && first.contains("  client_secret  ps\n"), "{first}");
        let second = told(Some(None));
        assert!(
            !second.contains("pk")
                && !second.contains("wf")
                && second.contains("limen user password")
                && second.contains("limen token issue")
                && second.contains("--data-dir d")
        );
        assert!(!told(None).contains("sample"));
    }
}
