//! One word for one thing: words that the lexicon doesn't use, and what never stands in a file that is published.

use crate::none;
use crate::tree::{File, files};

/// Words that could mean two things, in singular; docs/lexicon.md says which to use instead.
const NOT_USED: [&str; 5] = ["backend", "client", "consumer", "plan", "tenant"];

/// Names that others gave, in which the words may stand.
const NAMES_OF_OTHERS: [&str; 41] = [
    "kubernetes-client",
    "clientCredentials",
    "client_id",
    "client_secret",
    "client_credentials",
    "invalid_client",
    "unauthorized_client",
    "ClientId",
    "CLIENT_ID",
    "client credentials",
    "Client credentials",
    "OAuth client",
    "client-id",
    "hyper::client",
    "client::conn",
    "\"client\"",
    "client-ip",
    "Client-IP",
    "nghttp2-client",
    "h2::client",
    "tokio_rustls::client",
    "ClientAuth",
    "ClientCertVerifier",
    "ClientConfig",
    "ClientConnection",
    "ClientHello",
    "WebPkiClientVerifier",
    "client_auth",
    "client_cert_resolver",
    "client_cert_verifier",
    "openid_client",
    "openid-client",
    "requests_client",
    "base_client",
    "BasicClient",
    "ClientSecret",
    "set_client_secret",
    "client_secret_basic",
    "include_client_id",
    "ClientSecretBasic",
    "ClientSecretPost",
];
/// A header's name that holds one.
const CLUSTER_HEADER: &str = "x-cluster-client-ip";

/// Where the words are named in order not to be used.
const ABOUT_WORDS: [&str; 3] = ["docs/lexicon.md", "xtask/tests/tidy/words.rs", "STYLE.md"];

/// Registries and places of one machine.
const NEVER_PUBLISHED: [&str; 8] =
    ["crates.io", "static.rust-lang", "docs.rs/", "/work/", "/root/", "/home/", "../shared", "bash_jobs"];

#[test]
fn one_word_for_one_thing() {
    let written = |file: &&File| is_written(file) && !ABOUT_WORDS.contains(&file.path.as_str());
    let violations: Vec<String> = files().iter().filter(written).flat_map(unused_words).collect();
    none("A word that could mean two things; see docs/lexicon.md.", &violations);
}

#[test]
fn nothing_leads_to_one_machine() {
    let written = |file: &&File| is_written(file) && file.path != "xtask/tests/tidy/words.rs";
    let violations: Vec<String> = files().iter().filter(written).flat_map(places).collect();
    none("A registry's host or a place on somebody's machine.", &violations);
}

#[test]
fn each_word_is_found() {
    let found = |text: &str| unused_words(&File::new("crates/x/src/a.rs", text)).len();
    assert_eq!(found("let http_client = 1; // for all tenants"), 2);
    assert_eq!(found("struct BackendPlan;"), 2);
    assert_eq!(found("client_id, hyper::client::conn, planned, plant, explain"), 0);
    assert_eq!(places(&File::new("README.md", "see /work/main and crates.io")).len(), 2);
}

/// What people wrote: not what tools made.
fn is_written(file: &File) -> bool {
    let endings = [".rs", ".md", ".html", ".sql", ".yaml", ".toml", ".css", "/run"];
    endings.iter().any(|ending| file.path.ends_with(ending))
}

fn unused_words(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line, _) in file.lines() {
        let mut line = line.replace(CLUSTER_HEADER, "");
        for name in NAMES_OF_OTHERS {
            line = line.replace(name, "");
        }
        for word in words(&line) {
            let singular = word.strip_suffix('s').unwrap_or(&word);
            if NOT_USED.contains(&singular) {
                found.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    found
}

/// The words of a text in small letters, also those inside of `snake_case` and `CamelCase` names.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for character in text.chars() {
        if !character.is_alphabetic() || (character.is_uppercase() && after_small) {
            words.push(String::new());
        }
        if character.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
        after_small = character.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn places(file: &File) -> Vec<String> {
    let hits = file.lines().flat_map(|(number, line, _)| {
        NEVER_PUBLISHED.iter().filter(move |place| line.contains(*place)).map(move |place| (number, place))
    });
    hits.map(|(number, place)| format!("{}:{number}: {place}", file.path)).collect()
}
