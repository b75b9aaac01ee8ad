//! Which values are never repeated, since a member's or parameter's name says that they are secrets.

/// What such a name has in it, in small letters without what stands between words.
const SECRET: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "authorization",
    "apikey",
    "privatekey",
    "accesskey",
    "credential",
    "subscriptionkey",
    "cookie",
    "signature",
    "otp",
];
/// Names that are secrets only as a whole.
const WHOLE: [&str; 6] = ["pin", "pass", "key", "cvv", "cvc", "jwt"];

/// Whether a name is that of a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let letters: String =
        name.chars().take(256).filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    WHOLE.contains(&letters.as_str()) || SECRET.iter().any(|part| letters.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_however_written() {
        for name in ["password", "newPassword", "api_key", "X-API-Key", "client_secret", "accessToken", "Authorization"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["name", "keyword", "birthdate", "passenger", "monkey", "pinned"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
