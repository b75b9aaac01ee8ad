//! OAuth libraries that others wrote, unchanged: code with PKCE, call, refresh, introspect, revoke.

mod in_rust;
mod schemas;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use limen_testbed::browser::Browser;
use limen_testbed::{Limen, Service, Settings};
use serde_json::Value;

use crate::stage::BINARY;

/// The scripts, and the lists of what they need.
pub(crate) const WITH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/with");

const WORLD: &str = r#"
apis:
  - {name: things, base_path: /things, target: "{service}", access: key+token,
     operations: [{name: list, method: GET, path: /items, permission: thing.read}]}
products: [{name: all, apis: [things]}]
developers: [{name: ada}]
applications:
  - {name: shop, title: Shop, developer: ada, redirect_uris: ["http://127.0.0.1:8400/back", "https://shop.example/back"]}
  - {name: gadget, title: Gadget, developer: ada, kind: public,
     redirect_uris: ["http://127.0.0.1/back", "https://gadget.example/back"]}
environments: [{name: town, title: Town, legal_entity: Town Hall}]
roles: [{name: reader, permissions: [thing.read]}]
users: [{name: ann, given_name: Ann, family_name: Archer, email: ann@town.example,
         memberships: [{environment: town, roles: [reader]}]}]
connections: [{application: shop, environment: town}, {application: gadget, environment: town}]
"#;

/// What an exchange answers with, and nothing else.
const MEMBERS: [&str; 14] = [
    "access_token",
    "email",
    "environment_id",
    "environment_name",
    "expires_in",
    "family_name",
    "given_name",
    "legal_entity_id",
    "legal_entity_name",
    "mode",
    "refresh_token",
    "refresh_token_expires_in",
    "token_type",
    "user_id",
];

/// A Limen with two applications, and somebody who may sign in.
struct World {
    limen: Limen,
    _service: Service,
    secret: String,
    password: String,
    key: String,
}

impl World {
    fn new() -> Self {
        Self::started(|settings, config| settings.config(&config))
    }

    fn started(settings: impl FnOnce(Settings, String) -> Settings) -> Self {
        let service = Service::ok();
        let config = WORLD.replace("{service}", &service.url());
        let limen = Limen::start(settings(Settings::new(BINARY), config));
        let told = |arguments: &[&str], member: &str| {
            let json = limen.json(arguments);
            json[member].as_str().unwrap_or_else(|| panic!("no {member} in {json}")).to_owned()
        };
        let secret = told(&["application", "secret", "regenerate", "shop", "--which", "primary"], "secret");
        let password = told(&["user", "password", "ann", "--generate"], "password");
        let key = told(&["subscription", "create", "--product", "all", "--developer", "ada"], "primary_key");
        Self { limen, _service: service, secret, password, key }
    }

    /// What an application is told, and no more than that.
    fn environment(&self, application: &str, redirect_uri: &str) -> Vec<(&'static str, String)> {
        vec![
            ("ISSUER", format!("http://{}", self.limen.web())),
            ("APPLICATION", application.to_owned()),
            ("REDIRECT_URI", redirect_uri.to_owned()),
            ("CALL", format!("http://{}/things/items", self.limen.gateway())),
            ("KEY", self.key.clone()),
        ]
    }

    /// Ann's browser is sent to an address, and ends at the application again.
    fn sent_to(&self, address: &str) -> String {
        let site = address.find("/authorization").or_else(|| address.find("/oauth/authorize"));
        let target = &address[site.unwrap_or_else(|| panic!("not an authorization address: {address}"))..];
        Browser::new(self.limen.pages()).authorize(target, "ann", &self.password)
    }

    /// Runs a script as a confidential application and as a public one.
    fn run(&self, program: &Path, script: &str) {
        let mut confidential = self.environment("shop", "http://127.0.0.1:8400/back");
        confidential.push(("SECRET", self.secret.clone()));
        self.play(program, script, confidential);
        self.play(program, script, self.environment("gadget", "http://127.0.0.1:8411/back"));
    }

    fn play(&self, program: &Path, script: &str, environment: Vec<(&str, String)>) {
        let script = scripts().join(script);
        let mut command = Command::new(program);
        command.arg(&script).envs(environment).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut running = Running(child);
        let mut lines = BufReader::new(running.0.stdout.take().expect("its output")).lines();
        let mut answer = running.0.stdin.take().expect("its input");
        let mut told = None;
        for line in lines.by_ref() {
            let line = line.expect("a line");
            match line.split_once(' ') {
                Some(("go", address)) => {
                    let back = self.sent_to(address);
                    writeln!(answer, "{back}").expect("it reads");
                }
                Some(("done", members)) => told = Some(serde_json::from_str::<Value>(members).expect("JSON")),
                _ => panic!("{}: {line}", script.display()),
            }
        }
        assert!(running.0.wait().expect("its end").success(), "{} failed; its words are above", script.display());
        agree_on_members(&told.expect("what it was given"));
    }
}

/// The members, whatever the library adds of its own.
fn agree_on_members(told: &Value) {
    let own = |name: &&String| name.as_str() != "expires_at" && name.as_str() != "scope";
    let mut members: Vec<&str> = told.as_object().expect("an object").keys().filter(own).map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, MEMBERS);
    assert_eq!(told["mode"], "Full");
    assert_eq!((&told["user_id"], &told["given_name"]), (&"ann".into(), &"Ann".into()));
}

/// A process that doesn't outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where `cargo xtask test` installs what others wrote.
pub(crate) fn installed() -> PathBuf {
    let target = Path::new(BINARY).ancestors().nth(2).expect("a target folder");
    let folder = target.join("foreign");
    assert!(
        folder.join("javascript.installed").exists() && folder.join("python.installed").exists(),
        "the OAuth libraries of others aren't installed in {}; run: cargo xtask install",
        folder.display()
    );
    folder
}

/// The scripts, copied to where Node finds the libraries beside them.
fn scripts() -> PathBuf {
    let folder = installed().join(format!("run-{}", std::process::id()));
    if !folder.exists() {
        fs::create_dir_all(&folder).expect("a folder");
        for file in fs::read_dir(WITH).expect("the scripts") {
            let file = file.expect("a script");
            fs::copy(file.path(), folder.join(file.file_name())).expect("a copy");
        }
    }
    folder
}

fn node() -> PathBuf {
    "node".into()
}

fn python() -> PathBuf {
    installed().join("python/bin/python")
}

#[test]
fn oauth4webapi() {
    World::new().run(&node(), "oauth4webapi.mjs");
}

#[test]
fn openid_client() {
    World::new().run(&node(), "openid_client.mjs");
}

#[test]
fn authlib() {
    World::new().run(&python(), "with_authlib.py");
}

#[test]
fn requests_oauthlib() {
    World::new().run(&python(), "with_requests_oauthlib.py");
}

#[test]
fn a_browser() {
    let world = World::new();
    let mut environment = world.environment("gadget", "http://127.0.0.1:8411/back");
    environment.push(("PASSWORD", world.password.clone()));
    let output = Command::new(node()).arg(scripts().join("browser.mjs")).envs(environment).output().expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
