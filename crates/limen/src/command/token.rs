//! `limen token …`: issued, revoked, and the keys that sign them.

use limen_portal::wire::{IssueToken, IssuedToken, RevokeToken, Revoked, RotatedKey};

use super::show::span;
use super::{Context, Trouble};
use crate::arguments::TokenCommand;

pub(super) fn run(context: &Context, command: TokenCommand) -> Result<String, Trouble> {
    match command {
        TokenCommand::Issue { user, application, environment, scopes, expires_in } => {
            let ask = IssueToken {
                user: user.map(Into::into),
                environment: environment.map(Into::into),
                application: application.map(Into::into),
                scopes: scopes.into_iter().map(Into::into).collect(),
                expires_in_s: expires_in.seconds,
            };
            let answer = context.admin.post("/v1/tokens", &ask)?;
            let whom = ask.user.or(ask.application).unwrap_or_default();
            context.show(answer, |issued| issued_words(&issued, &whom, &context.data_dir_flag()))
        }
        TokenCommand::Revoke { grant, user } => {
            let ask = RevokeToken { grant: grant.map(Into::into), user: user.map(Into::into) };
            let answer = context.admin.post("/v1/tokens/revoke", &ask)?;
            context.show(answer, |revoked: Revoked| match revoked.revoked {
                1 => "Revoked 1 grant; its tokens are refused from now on.".to_owned(),
                count => format!("Revoked {count} grants; their tokens are refused from now on."),
            })
        }
        TokenCommand::RotateKeys => {
            let answer = context.admin.post("/v1/signing-keys/rotate", &serde_json::json!({}))?;
            context.show(answer, |key: RotatedKey| {
                format!(
                    "Key {} is published now and signs in ten minutes, when every verifier knows it; earlier tokens stay good until they expire.",
                    key.kid
                )
            })
        }
    }
}

fn issued_words(issued: &IssuedToken, user: &str, data_dir_flag: &str) -> String {
    format!(
        "A token for {user} in {}, good for {}, shown this once:\n\n{}\n\n\
         Send it as:  Authorization: {} TOKEN\nRevoke it:   limen token revoke --grant {}{data_dir_flag}\n",
        issued.environment,
        span(issued.expires_in_s),
        issued.access_token,
        issued.token_type,
        issued.grant,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_alone_in_its_line() {
        let issued = IssuedToken {
            access_token: "aaa.bbb.ccc".into(),
            token_type: "Bearer".into(),
            expires_in_s: 3_600,
            grant: "gr_1".into(),
            environment: "north".into(),
        };
        let words = issued_words(&issued, "bo", "");
        assert!(words.lines().any(|line| line == "aaa.bbb.ccc"), "{words}");
        assert!(words.starts_with("A token for bo in north, good for 1 h, shown this once:\n"), "{words}");
        assert!(words.ends_with("limen token revoke --grant gr_1\n"), "{words}");
    }
}
