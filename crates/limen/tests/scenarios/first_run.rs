//! `limen up`: what a start tells and leaves behind, and each thing that can stand against it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use limen_testbed::{Limen, Output, Settings};
use serde_json::json;

use crate::stage::BINARY;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A start that must end with exit code 2, one message and its way out, and nothing on standard output.
#[track_caller]
fn refused(settings: Settings, said: &[&str]) -> Output {
    let output = Limen::try_start(settings).map(|limen| limen.started().clone()).expect_err("it started");
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output:#?}");
    for words in said {
        assert!(output.stderr.contains(words), "'{words}' in {output:#?}");
    }
    let lines: Vec<_> = output.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(lines.len() <= 3, "one clear message: {output:#?}");
    assert!(!output.stderr.contains("panicked") && !output.stderr.contains("RUST_BACKTRACE"), "{output:#?}");
    output
}

#[test]
fn the_first_start_tells_credentials_and_no_later_one_does() {
    let mut limen = Limen::start(Settings::new(BINARY));
    let ready = limen.started().ready.clone();
    let sample = limen.sample();
    let expected = json!({
        "event": "ready",
        "gateway": format!("http://{}", limen.gateway()),
        "web": format!("http://{}", limen.web()),
        "sample": {
            "base_path": "/constituent/v1",
            "subscription_key_header": "Limen-Subscription-Key",
            "primary_key": sample.primary_key,
            "secondary_key": sample.secondary_key,
            "tokens": {"full": sample.full, "read_only": sample.read_only, "restricted": sample.restricted},
            "application": {"id": "ada-app", "primary_secret": sample.secrets[0], "secondary_secret": sample.secrets[1],
                "redirect_uri": "http://localhost:8400/callback"},
            "public_application": "ada-cli",
            "environment": "demo",
            "passwords": {"full": sample.full_password, "read_only": sample.read_only_password,
                "restricted": sample.restricted_password},
        },
    });
    assert_eq!(ready, expected);
    assert!(limen.started().took < Duration::from_secs(5), "{:?}", limen.started().took);
    for key in [&sample.primary_key, &sample.secondary_key] {
        let random = key.strip_prefix("limen_sub_").unwrap();
        assert!(random.len() == 36 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
    }
    assert_eq!(limen.pages().get("/readyz", &[]).status, 200);

    let secret_file = limen.folder().join("data.secret");
    assert_eq!((mode(limen.data_dir()), mode(&secret_file)), (0o700, 0o600));
    for entry in std::fs::read_dir(limen.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let bytes = std::fs::read(&path).unwrap_or_default();
        let [primary_secret, secondary_secret] = &sample.secrets;
        let keys = [&sample.primary_key, &sample.secondary_key, &sample.full, primary_secret, secondary_secret];
        for secret in keys.into_iter().chain([&sample.full_password, &sample.read_only_password]) {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a credential in {}", path.display());
        }
    }
    assert!(!limen.stderr().contains(&sample.primary_key));

    let path = format!("{}/constituents/280", sample.base_path);
    let works = |limen: &Limen| {
        let bearer = format!("Bearer {}", sample.full);
        limen.http().get(&path, &[(&sample.key_header, &sample.primary_key), ("Authorization", &bearer)]).status
    };
    assert_eq!(works(&limen), 200);
    assert_eq!(limen.stop(), Some(0));
    let again = limen.restart().ready.clone();
    let places = json!({"base_path": "/constituent/v1", "subscription_key_header": "Limen-Subscription-Key"});
    assert_eq!(again["sample"], places);
    assert_eq!(works(&limen), 200, "keys and tokens outlive a stop, and another port");
    limen.kill();
    limen.restart();
    assert_eq!(works(&limen), 200, "and a kill");
}

#[test]
fn without_a_sample() {
    let mut limen = Limen::start(Settings::new(BINARY).argument("--no-sample"));
    assert!(limen.started().ready.get("sample").is_none(), "{}", limen.started().ready);
    let status = limen.json(&["status"]);
    assert_eq!((&status["apis"], &status["sample"]), (&json!([]), &json!(false)));
    // A second start makes none either: the first run was that.
    limen.stop();
    limen.change(|_| Settings::new(BINARY));
    assert!(limen.restart().ready.get("sample").is_none());

    let mut sampled = Limen::start(Settings::new(BINARY));
    let sample = sampled.sample();
    sampled.json(&["sample", "remove"]);
    let key = [(sample.key_header.as_str(), sample.primary_key.as_str())];
    assert_eq!(sampled.http().get(&format!("{}/constituents/280", sample.base_path), &key).status, 404);
    for section in ["application", "connection", "environment", "user"] {
        assert_eq!(sampled.json(&[section, "list"]), json!([]), "{section}");
    }
    assert!(sampled.restart().ready.get("sample").is_none());
}

#[test]
fn the_sample_is_for_this_machine_alone() {
    let outward = || Settings::new(BINARY).gateway("0.0.0.0:0");
    let limen = Limen::start(outward());
    assert!(limen.started().ready.get("sample").is_none(), "{}", limen.started().ready);
    let asked = Limen::start(outward().argument("--sample"));
    assert!(asked.started().ready["sample"]["primary_key"].is_string());

    let mut limen = Limen::start(Settings::new(BINARY));
    limen.stop();
    let folder = limen.data_dir().to_owned();
    refused(outward().data_dir(&folder), &["0.0.0.0:0", "sample", "limen sample remove", "--sample"]);
    let web = Settings::new(BINARY).web("0.0.0.0:0").data_dir(&folder);
    refused(web, &["0.0.0.0:0", "limen sample remove"]);
    limen.restart();
    limen.json(&["sample", "remove"]);
    limen.stop();
    drop(Limen::start(outward().data_dir(&folder)));
}

#[test]
fn a_place_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    refused(Settings::new(BINARY).gateway(&place).data_dir(&data), &[&place, "--gateway 127.0.0.1:0"]);
    refused(Settings::new(BINARY).web(&place).data_dir(&data), &[&place, "--web 127.0.0.1:0"]);
    assert!(!data.exists(), "a start that failed left something behind");
    refused(Settings::new(BINARY).gateway("192.0.2.1:1").data_dir(&data), &["192.0.2.1:1", "--gateway HOST:PORT"]);
}

#[test]
fn a_data_folder_that_can_not_be_used() {
    let mut limen = Limen::start(Settings::new(BINARY));
    let data = limen.data_dir().to_owned();
    let of = |folder: &Path| Settings::new(BINARY).data_dir(folder);
    let process = limen.process_id().unwrap().to_string();
    refused(of(&data), &[data.to_str().unwrap(), "in use", &process, "--data-dir"]);
    limen.stop();

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("foreign")).unwrap();
    std::fs::write(path("foreign").join("thesis.txt"), "precious").unwrap();
    refused(of(&path("foreign")), &["not a data folder of Limen", "thesis.txt", "--data-dir"]);
    assert_eq!(std::fs::read_dir(path("foreign")).unwrap().count(), 1, "and it was left as it was");
    std::fs::write(path("file"), "a file").unwrap();
    refused(of(&path("file")), &["a file is where a folder is needed", "--data-dir"]);
    refused(of(&path("file").join("below")), &["--data-dir"]);

    // Of a later version: the schema's number in the database's own head.
    let copy = |to: &str| {
        std::fs::create_dir(path(to)).unwrap();
        for entry in std::fs::read_dir(&data).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), path(to).join(entry.file_name())).unwrap();
            }
        }
        std::fs::copy(data.with_extension("secret"), path(&format!("{to}.secret"))).unwrap();
        path(to).join("limen.db")
    };
    let database = copy("newer");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&database, bytes).unwrap();
    refused(of(&path("newer")), &["newer Limen", "9999", "--data-dir"]);
    for (name, text) in [("corrupt", "this is no database ".repeat(500)), ("emptied", String::new())] {
        let database = copy(name);
        std::fs::write(&database, text).unwrap();
        refused(of(&path(name)), &["is damaged", "backup", "--data-dir"]);
    }

    copy("secretless");
    std::fs::remove_file(path("secretless.secret")).unwrap();
    refused(of(&path("secretless")), &["secretless.secret", "is missing", "--new-signing-key"]);
    std::fs::write(path("secretless.secret"), format!("{}\n", "ab".repeat(32))).unwrap();
    std::fs::set_permissions(path("secretless.secret"), std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(of(&path("secretless")), &["can be read by others", "chmod 600"]);
    std::fs::set_permissions(path("secretless.secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    refused(of(&path("secretless")), &["does not open the signing keys", "--new-signing-key"]);
    drop(Limen::start(of(&path("secretless")).argument("--new-signing-key")));
    // What was copied whole works.
    copy("whole");
    drop(Limen::start(of(&path("whole"))));
}

#[test]
fn a_configuration_with_flaws() {
    let flawed = "gateway: {listen: nowhere}\napis: [{name: a, base_path: no-slash, target: 'ftp://x'}]\n";
    let output = Limen::try_start(Settings::new(BINARY).config(flawed)).map(|_| ()).expect_err("it started");
    assert_eq!(output.code, Some(2));
    for place in ["limen.yaml:1:", "limen.yaml:2:", "gateway.listen", "apis[0].base_path", "apis[0].target", "mend:"] {
        assert!(output.stderr.contains(place), "{place} in {output:#?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.yaml");
    let settings = Settings::new(BINARY).argument("--config").argument(missing.to_str().unwrap());
    refused(settings, &["missing.yaml"]);
    refused(Settings::new(BINARY).environment("LIMEN__NOTHING", "1"), &["LIMEN__NOTHING"]);
}

#[test]
fn commands_without_a_running_limen_say_so() {
    let mut limen = Limen::start(Settings::new(BINARY).argument("--no-sample"));
    limen.kill();
    for arguments in [&["status"][..], &["api", "list"], &["token", "rotate-keys"], &["explain", "x"]] {
        let output = limen.command(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output:#?}");
        assert!(output.stderr.contains("limen up") || output.stderr.contains("--data-dir"), "{output:#?}");
    }
    // A name too long for a socket's path works all the same.
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("d".repeat(120)).join("data");
    let limen = Limen::start(Settings::new(BINARY).data_dir(&long));
    assert_eq!(limen.json(&["status"])["sample"], true);
}
