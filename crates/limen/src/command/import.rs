//! `limen api import`: an API from its document, with what is lost and what changes for callers.

use limen_portal::wire::{ApiLine, ImportApi, ImportedApi};
use limen_rules::declared::{check_base_path, check_target, made_name};
use limen_rules::model::{Api, Name, valid_name};
use limen_rules::openapi::{Document, Imported, Wanted};
use serde_json::json;

use super::show::{plain, quoted, segment};
use super::{Context, Trouble, difference, document, losses, read};
use crate::arguments::{ImportDocument, Output};

pub(super) fn run(context: &Context, asked: &ImportDocument) -> Result<String, Trouble> {
    check_flags(&asked.target, asked.base_path.as_deref())?;
    if let Some(name) = asked.name.as_deref().filter(|name| !valid_name(name)) {
        let mend = "use 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit";
        return Err(Trouble::wrong(format!("--name: '{name}' is not a name"), mend));
    }
    let read_document = document::read(&asked.document)?;
    let imported = import(context, asked, &read_document)?;
    let operations = imported.api.operations.len();
    let api = Box::new(imported.api.clone());
    let question = ImportApi { api, dry_run: asked.dry_run, refuse_breaking: asked.refuse_breaking };
    let told: ImportedApi = read(&context.admin.post("/v1/import", &question)?)?;
    let is_refused = asked.refuse_breaking && told.difference.breaking > 0;
    let text = match context.output {
        Output::Json => {
            let whole = json!({"import": told, "operations": operations, "losses": losses::told(&imported.losses)});
            format!("{whole}\n")
        }
        Output::Table => words(&told, &imported, asked, &context.data_dir_flag()),
    };
    if !is_refused {
        return Ok(text);
    }
    let what = format!(
        "nothing was imported: {} may break those who call today",
        difference::counted(told.difference.breaking)
    );
    let mend = "mend the document, or import it without --refuse-breaking";
    Err(Trouble { found: text, ..Trouble::refused(what, mend) })
}

/// Whether targets and base path can be what they are told to be.
pub(super) fn check_flags(targets: &[String], base_path: Option<&str>) -> Result<(), Trouble> {
    let targets = targets.iter().map(|target| ("--target", check_target(target)));
    let base_path = base_path.map(|path| ("--base-path", check_base_path(path)));
    for (flag, checked) in targets.chain(base_path) {
        if let Err((message, mend)) = checked {
            return Err(Trouble::wrong(format!("{flag}: {message}"), mend));
        }
    }
    Ok(())
}

/// The API, over the one that is published, if there is one.
fn import(context: &Context, asked: &ImportDocument, document: &Document) -> Result<Imported, Trouble> {
    let lines: Vec<ApiLine> = read(&context.admin.get("/v1/apis")?)?;
    let fresh = |name: &str| Wanted {
        name: name.into(),
        base_path: asked.base_path.clone(),
        targets: asked.target.clone(),
        existing: None,
    };
    let existing_name = match (&asked.name, &asked.base_path) {
        (Some(name), _) => Some(name.clone()).filter(|name| lines.iter().any(|line| *line.name == **name)),
        (None, Some(path)) => difference::at(&lines, path),
        (None, None) => {
            let path = document::import(&asked.document, document, &fresh(&title_name(document)))?.api.base_path;
            difference::at(&lines, &path)
        }
    };
    let existing: Option<Api> = match existing_name {
        Some(name) => Some(read(&context.admin.get_declared(&format!("/v1/apis/{}", segment(&name)))?)?),
        None => None,
    };
    let name: Name = match (&existing, &asked.name, &asked.base_path) {
        (Some(existing), ..) => existing.name.clone(),
        (None, Some(name), _) => name.as_str().into(),
        (None, None, Some(path)) => free_name(&made_name(path), &lines),
        (None, None, None) => free_name(&title_name(document), &lines),
    };
    let imported = document::import(&asked.document, document, &Wanted { existing, ..fresh(&name) })?;
    if imported.api.target_urls().next().is_none() {
        let mend = match &imported.servers.target {
            Some(named) => format!("tell it with --target; the document names {named}"),
            None => "tell it with --target, like http://127.0.0.1:9000".to_owned(),
        };
        return Err(Trouble::wrong("it isn't told where the service is", mend));
    }
    Ok(imported)
}

/// A name from what the document calls itself.
pub(super) fn title_name(document: &Document) -> String {
    made_name(document.title().unwrap_or("api"))
}

fn free_name(made: &str, lines: &[ApiLine]) -> Name {
    let numbered = (2..=lines.len() + 2).map(|number| format!("{made}-{number}"));
    let free =
        std::iter::once(made.to_owned()).chain(numbered).find(|name| !lines.iter().any(|line| *line.name == **name));
    free.unwrap_or_else(|| made.to_owned()).into()
}

fn words(told: &ImportedApi, imported: &Imported, asked: &ImportDocument, data_dir_flag: &str) -> String {
    let mut text = difference::words(&told.difference);
    if !text.is_empty() {
        text = format!("What changes for callers\n\n{text}\n");
    }
    let api = &imported.api;
    let permissions = api.operations.iter().filter(|one| one.permission.is_some()).count();
    let needs_token = api.operations.iter().filter(|one| one.access.unwrap_or(api.access).needs_token()).count();
    let count = api.operations.len();
    let did = match (told.applied, told.is_new, told.unchanged) {
        (false, ..) => "Nothing was changed; this would be",
        (true, true, _) => "Imported",
        (true, false, true) => "Nothing differs from",
        (true, false, false) => "Updated",
    };
    text.push_str(&format!(
        "{did}: API '{}' at {}: {count} operation{}, {needs_token} with a token, {permissions} with a permission.\n",
        told.api,
        told.url,
        if count == 1 { "" } else { "s" },
    ));
    let lost = losses::words(&imported.losses);
    if lost.is_empty() {
        text.push_str("All that the document says of calls is enforced.\n");
    } else {
        text.push_str(&lost);
    }
    if !told.applied {
        return text;
    }
    if told.products.is_empty() {
        text.push_str(&format!(
            "\nNo product opens it yet, so nobody has a key for it. List '{}' under a product's apis in limen.yaml and\n\
             apply that; then: limen subscription create --product PRODUCT --developer DEVELOPER\n",
            told.api
        ));
    }
    let undo = if told.is_new {
        format!("Undo it:\n\n  limen unpublish --base-path {}{data_dir_flag}\n", quoted(&api.base_path))
    } else {
        let way = format!("limen api import EARLIER-DOCUMENT --name {}{data_dir_flag}", told.api);
        format!("Undo it, with the document that was there before:\n\n  {way}\n")
    };
    let from = plain(&asked.document);
    text.push_str(&format!("\nThe document came from {from}; it is kept and not asked for again. {undo}"));
    text
}
