//! `limen apply`: a file against the rules and what the store has, and into the running Limen.

use std::path::Path;

use limen_portal::wire::{Applied, Apply, ToldSetting, ToldSettings};
use limen_rules::model::Declared;

use super::{Context, Trouble, read, show};
use crate::arguments::Output;
use crate::config::{Flaws, Sources, load};

/// `limen apply FILE`: checked over what the store has, then sent. What can hardly be meant is told first, then the
/// settings of the file that another start is needed for.
pub(super) fn apply(context: &Context, file: &Path, dry_run: bool) -> Result<String, Trouble> {
    let existing: Declared = read(&context.admin.get_declared("/v1/declared")?)?;
    let sources = Sources { file: Some(file), ..Sources::default() };
    let config = load(&sources, Some(&existing)).map_err(|flaws| told(&flaws))?;
    let warnings = config.warnings(&existing);
    // An older process doesn't tell its settings.
    let running = context.admin.get("/v1/settings").ok().map(|settings| read::<ToldSettings>(&settings)).transpose()?;
    let waiting = running.map(|running| waiting(&config.told, &running)).unwrap_or_default();
    let answer = context.admin.post("/v1/apply", &Apply { declared: config.declared, dry_run })?;
    Ok(match context.output {
        Output::Table => {
            let warnings = warnings.iter().map(|line| format!("{}\n", show::plain(line)));
            let done = words(&read(&answer)?, "Applied", dry_run);
            let restart =
                waiting.iter().map(|key| format!("\nNeeds a restart, or limen upgrade: {}", show::plain(key)));
            warnings.chain([done]).chain(restart).collect()
        }
        Output::Json => {
            let mut answer: serde_json::Value = read(&answer)?;
            if let Some(members) = answer.as_object_mut() {
                members.insert("warnings".into(), warnings.into());
                members.insert("needs_restart".into(), waiting.into());
            }
            answer.to_string()
        }
    })
}

/// The settings of a file that the running process doesn't have. What a variable or a flag told it goes before a file.
fn waiting(file: &ToldSettings, running: &ToldSettings) -> Vec<String> {
    let is_new = |(path, told): &(&String, &ToldSetting)| {
        running.get(*path).is_none_or(|has| has.in_file && has.text != told.text)
    };
    file.iter().filter(is_new).map(|(path, _)| path.clone()).collect()
}

/// A file's flaws, as the command ends with them.
pub(super) fn told(flaws: &Flaws) -> Trouble {
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

#[cfg(test)]
mod tests {
    use super::*;

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
