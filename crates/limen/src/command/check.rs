//! `limen check`: a file by itself, without the environment and without a running Limen; then what its targets answer,
//! and what the strict contract would make of that. A file is good or it isn't; what targets do is advice.

mod probing;
mod words;

use std::path::Path;

use limen_rules::model::Declared;

use super::{Trouble, apply, show};
use crate::arguments::Output;
use crate::config::{Sources, load};
use probing::Asking;

/// `limen check FILE`
pub(super) fn check(file: &Path, output: Output, probes: bool) -> Result<String, Trouble> {
    let sources = Sources { file: Some(file), reads_certificates: true, ..Sources::default() };
    let config = load(&sources, Some(&Declared::default())).map_err(|flaws| apply::told(&flaws))?;
    config.check_target_files().map_err(|flaws| apply::told(&flaws))?;
    config.check_issuers(true).map_err(|flaws| apply::told(&flaws))?;
    let counts = counts(&config.declared);
    let warnings = config.warnings(&Declared::default());
    let found = if probes {
        let scheme = if config.settings.gateway_tls.is_some() { "https" } else { "http" };
        let listened = || format!("{scheme}://{}", config.settings.gateway_listen);
        let gateway_url = config.settings.gateway_public_url.clone().unwrap_or_else(listened);
        let asking = Asking::of(&config.declared, &gateway_url);
        Some(probing::run(asking, output == Output::Table)?)
    } else {
        None
    };
    Ok(match output {
        Output::Table => {
            let words: Vec<String> = counts.iter().filter(|(_, count)| *count > 0).map(counted).collect();
            let words = if words.is_empty() { "settings only".to_owned() } else { words.join(", ") };
            let ok = format!("{}: ok: {words}", file.display());
            let lead = show::plain(&[vec![ok], warnings].concat().join("\n"));
            found.map_or_else(|| lead.clone(), |found| words::told(&lead, &found))
        }
        Output::Json => {
            let counts: serde_json::Map<_, _> =
                counts.iter().map(|((_, plural), count)| ((*plural).to_owned(), (*count).into())).collect();
            let mut answer = serde_json::json!({"ok": true, "declared": counts, "warnings": warnings});
            if let (Some(found), Some(members)) = (found, answer.as_object_mut()) {
                members.insert("targets".into(), serde_json::json!(found.targets));
                members.insert("left_out".into(), found.left_out.into());
            }
            answer.to_string()
        }
    })
}

type Counts = [((&'static str, &'static str), usize); 7];

fn counts(declared: &Declared) -> Counts {
    [
        (("API", "APIs"), declared.apis.len()),
        (("product", "products"), declared.products.len()),
        (("developer", "developers"), declared.developers.len()),
        (("application", "applications"), declared.applications.len()),
        (("environment", "environments"), declared.environments.len()),
        (("role", "roles"), declared.roles.len()),
        (("user", "users"), declared.users.len()),
    ]
}

fn counted(((one, many), count): &((&str, &str), usize)) -> String {
    format!("{count} {}", if *count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_counts_or_tells() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("limen.yaml");
        std::fs::write(&file, "developers: [{name: ada}, {name: bo}]\nroles: [{name: r}]\n").expect("a file");
        let name = file.display();
        assert_eq!(check(&file, Output::Table, true), Ok(format!("{name}: ok: 2 developers, 1 role")));
        std::fs::write(&file, "roles: [{name: R}]\nuser: []\n").expect("a file");
        let trouble = check(&file, Output::Table, true).expect_err("flaws");
        let lines: Vec<&str> = trouble.what.lines().collect();
        assert_eq!((trouble.exit, lines.len(), &*trouble.mend), (2, 2, ""));
        assert!(lines[0].starts_with(&format!("{name}:1:16: roles[0].name: 'R' is not a name; mend: ")));
        assert!(lines[1].ends_with("mend: did you mean 'users'?"));
    }

    #[test]
    fn a_check_opens_the_files_of_target_tls() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, authority) = (folder.path().join("limen.yaml"), folder.path().join("authority.pem"));
        let api =
            "apis:\n  - {name: a, base_path: /a, target: \"https://x.example\", target_tls: {ca_file: AUTHORITY}}\n";
        std::fs::write(&file, api.replace("AUTHORITY", &authority.display().to_string())).expect("a file");
        let missing = check(&file, Output::Table, true).expect_err("a file that isn't there").what;
        assert!(missing.contains(":2:") && missing.contains("apis[0].target_tls.ca_file"), "{missing}");
        std::fs::write(&authority, "no certificate").expect("a file");
        let none = check(&file, Output::Table, true).expect_err("a file without a certificate").what;
        assert!(none.contains("holds no certificate"), "{none}");
    }
}
