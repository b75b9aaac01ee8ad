//! `limen check` and `limen apply`: a file against the rules, and into the running Limen.

use std::path::Path;

use limen_portal::wire::{Applied, Apply};
use limen_rules::model::Declared;

use super::{Context, Trouble, read, show};
use crate::arguments::Output;
use crate::config::{Flaws, Sources, load};

/// `limen check FILE`: the file by itself, without the environment and without a running Limen.
pub(super) fn check(file: &Path, output: Output) -> Result<String, Trouble> {
    let sources = Sources { file: Some(file), reads_certificates: true, ..Sources::default() };
    let config = load(&sources, Some(&Declared::default())).map_err(|flaws| told(&flaws))?;
    config.check_target_files().map_err(|flaws| told(&flaws))?;
    let counts = counts(&config.declared);
    Ok(match output {
        Output::Table => {
            let words: Vec<String> = counts.iter().filter(|(_, count)| *count > 0).map(counted).collect();
            let words = if words.is_empty() { "settings only".to_owned() } else { words.join(", ") };
            format!("{}: ok: {words}", show::plain(&file.display().to_string()))
        }
        Output::Json => {
            let counts: serde_json::Map<_, _> =
                counts.iter().map(|((_, plural), count)| ((*plural).to_owned(), (*count).into())).collect();
            serde_json::json!({"ok": true, "declared": counts}).to_string()
        }
    })
}

/// `limen apply FILE`: checked over what the store has, then sent.
pub(super) fn apply(context: &Context, file: &Path, dry_run: bool) -> Result<String, Trouble> {
    let existing: Declared = read(&context.admin.get_declared("/v1/declared")?)?;
    let sources = Sources { file: Some(file), ..Sources::default() };
    let config = load(&sources, Some(&existing)).map_err(|flaws| told(&flaws))?;
    let answer = context.admin.post("/v1/apply", &Apply { declared: config.declared, dry_run })?;
    context.show(answer, |applied: Applied| words(&applied, "Applied", dry_run))
}

fn told(flaws: &Flaws) -> Trouble {
    Trouble::wrong(flaws.to_string(), "")
}

/// What an apply did or would do, a line for each thing.
pub(super) fn words(applied: &Applied, done: &str, dry_run: bool) -> String {
    let mut lines = String::new();
    for (sign, list) in [("+", &applied.created), ("~", &applied.changed), ("-", &applied.removed)] {
        for one in list {
            lines.push_str(&format!("{sign} {}\n", show::plain(one)));
        }
    }
    let figures = [
        (applied.created.len(), "made"),
        (applied.changed.len(), "changed"),
        (applied.removed.len(), "removed"),
        (applied.unchanged, "as declared already"),
    ];
    let figures: Vec<String> =
        figures.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let figures = if figures.is_empty() { "nothing".to_owned() } else { figures.join(", ") };
    let lead = if dry_run { "Nothing was changed; this would be" } else { done };
    lines + &format!("{lead}: {figures}.")
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
        assert_eq!(check(&file, Output::Table), Ok(format!("{name}: ok: 2 developers, 1 role")));
        std::fs::write(&file, "roles: [{name: R}]\nuser: []\n").expect("a file");
        let trouble = check(&file, Output::Table).expect_err("flaws");
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
        let missing = check(&file, Output::Table).expect_err("a file that isn't there").what;
        assert!(missing.contains(":2:") && missing.contains("apis[0].target_tls.ca_file"), "{missing}");
        std::fs::write(&authority, "no certificate").expect("a file");
        let none = check(&file, Output::Table).expect_err("a file without a certificate").what;
        assert!(none.contains("holds no certificate"), "{none}");
    }

    #[test]
    fn what_was_done_is_told_line_by_line() {
        let applied = Applied {
            created: vec!["API orders".into()],
            changed: vec!["product standard".into()],
            removed: Vec::new(),
            unchanged: 3,
        };
        assert_eq!(
            words(&applied, "Applied", false),
            "+ API orders\n~ product standard\nApplied: 1 made, 1 changed, 3 as declared already."
        );
        assert!(words(&applied, "Applied", true).contains("Nothing was changed; this would be: 1 made"));
    }
}
