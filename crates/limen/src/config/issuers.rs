//! What a file says of other issuers beside its own settings: whether they may be asked, and our secrets with them.

use std::path::Path;

use limen_rules::declared::Problem;
use limen_rules::model::{Declared, TokenForm, TrustedIssuer};
use limen_rules::outbound::{Allowed, Place};

/// Everything that is wrong.
pub(super) fn problems(declared: &Declared, allowed: &Allowed, reads_files: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, issuer) in declared.issuers.iter().enumerate() {
        for (field, url) in asked(issuer) {
            if let Err(words) = Place::of(url, allowed) {
                problems.push(Problem {
                    field: format!("issuers[{at}].{field}"),
                    message: format!("can't be asked: {words}"),
                    mend: "write https://…, or list the host under 'outbound.allow' if it is one of your own network"
                        .into(),
                });
            }
        }
        let file = issuer.introspection.as_ref().map(|one| &one.secret_file).filter(|_| reads_files);
        if let Some(Err(words)) = file.map(|file| crate::secret_file::read(Path::new(file))) {
            problems.push(Problem {
                field: format!("issuers[{at}].introspection.secret_file"),
                message: words,
                mend: "write the secret that the issuer gave Limen into that file, and nothing else".into(),
            });
        }
    }
    problems
}

/// What is asked of an issuer, and where.
fn asked(issuer: &TrustedIssuer) -> impl Iterator<Item = (&'static str, &str)> {
    let keys = match &issuer.jwks_url {
        Some(url) => ("jwks_url", url.as_str()),
        None => ("issuer", issuer.issuer.as_str()),
    };
    let keys = Some(keys).filter(|_| issuer.form == TokenForm::Signed);
    keys.into_iter().chain(issuer.introspection.iter().map(|one| ("introspection.url", one.url.as_str())))
}
