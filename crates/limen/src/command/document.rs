//! OpenAPI documents from where they are: a file, an address that this process asks itself, or standard input.

use std::fs::File;
use std::io::Read;

use limen_portal::ports::{Outbound as _, OutboundFault};
use limen_rules::model::Api;
use limen_rules::openapi::{self, DOCUMENT_MAX_BYTES, Document, Imported, Unreadable, Wanted};

use super::Trouble;
use crate::up::outbound::Way;

/// Reads a document from wherever it is.
pub(super) fn read(place: &str) -> Result<Document, Trouble> {
    let bytes = match place {
        "-" => bounded(std::io::stdin().lock(), "standard input")?,
        url if url.starts_with("http://") || url.starts_with("https://") => fetched(url)?,
        url if url.contains("://") => {
            let mend = "name a file, or an address that begins with http:// or https://";
            return Err(Trouble::wrong(format!("'{url}' is no document"), mend));
        }
        path => {
            let mend = "name a file, an address, or - for standard input";
            let opened =
                File::open(path).map_err(|error| Trouble::wrong(format!("'{path}' can't be read: {error}"), mend))?;
            bounded(opened, path)?
        }
    };
    openapi::read(&bytes).map_err(|unreadable| told(place, &unreadable))
}

/// Makes an API of a document.
pub(super) fn import(place: &str, document: &Document, wanted: &Wanted) -> Result<Imported, Trouble> {
    openapi::import(document, wanted).map_err(|unreadable| told(place, &unreadable))
}

/// The API of a document by itself, as one of two that are compared.
pub(super) fn alone(place: &str) -> Result<Api, Trouble> {
    let document = read(place)?;
    let wanted = Wanted { name: "api".into(), base_path: Some("/api".into()), ..Wanted::default() };
    Ok(import(place, &document, &wanted)?.api)
}

fn told(place: &str, unreadable: &Unreadable) -> Trouble {
    let stands = match (unreadable.place, &unreadable.pointer) {
        (Some((line, column)), _) => format!(":{line}:{column}"),
        (None, Some(pointer)) => format!(": {pointer}"),
        (None, None) => String::new(),
    };
    Trouble::wrong(format!("{place}{stands}: {}", unreadable.message), unreadable.mend.clone())
}

fn bounded(from: impl Read, name: &str) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let most = u64::try_from(DOCUMENT_MAX_BYTES).unwrap_or(u64::MAX);
    from.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Trouble::wrong(format!("'{name}' can't be read: {error}"), "name a file that can be read"))?;
    if bytes.len() > DOCUMENT_MAX_BYTES {
        let what = format!("'{name}' is larger than {DOCUMENT_MAX_BYTES} bytes");
        return Err(Trouble::wrong(what, "divide the document; nobody calls that many operations under one path"));
    }
    Ok(bytes)
}

fn fetched(url: &str) -> Result<Vec<u8>, Trouble> {
    let mend = "download it by other means and name the file, like: curl -o openapi.json URL";
    let way = Way::of_command(DOCUMENT_MAX_BYTES).map_err(|words| Trouble::wrong(words, mend))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Trouble::refused(error.to_string(), "try again"))?;
    let accept = "application/vnd.oai.openapi+json, application/json, application/yaml;q=0.9, */*;q=0.5";
    let answered = runtime.block_on(way.get(url, &[("accept", accept)]));
    // A resolver that hangs isn't waited for.
    runtime.shutdown_background();
    let answer = answered.map_err(|fault| match fault {
        OutboundFault::Refused(words) => Trouble::wrong(format!("{url} is not asked: {words}"), mend),
        OutboundFault::Failed(words) => Trouble::refused(format!("{url} can't be read: {words}"), mend),
    })?;
    match answer.status {
        200 => Ok(answer.body),
        status @ (301 | 302 | 303 | 307 | 308) => {
            let mend = "name the address that it leads to; curl -I shows it";
            Err(Trouble::refused(format!("{url} answers {status}: it leads elsewhere, which is not followed"), mend))
        }
        status => Err(Trouble::refused(format!("{url} answers {status} instead of a document"), mend)),
    }
}
