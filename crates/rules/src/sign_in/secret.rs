//! Secrets of applications and passwords of users: their form, and new ones out of randomness that is brought along.
//!
//! Of a secret only the SHA-256 is kept; how passwords are kept, this module doesn't know.

use crate::key;

/// What every application secret begins with, so that secret scanners find it.
pub const SECRET_PREFIX: &str = "limen_app_";
/// The published pattern of an application secret.
pub const SECRET_PATTERN: &str = "limen_app_[0-9A-Za-z]{36}";
/// A password has at least so many characters.
pub const PASSWORD_CHARACTERS_MIN: usize = 12;
/// A password has at most so many characters.
pub const PASSWORD_CHARACTERS_MAX: usize = 128;

/// Letters and digits that nobody takes for each other.
const CLEAR: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS: usize = 4;
const GROUP_CHARACTERS: usize = 5;

/// A new application secret: `limen_app_`, 30 random base62 characters and a checksum of what stands before it.
pub fn generate(fill: impl FnMut(&mut [u8])) -> String {
    key::generate_with(SECRET_PREFIX, fill)
}

/// SHA-256 of a whole secret: what is stored.
#[must_use]
pub fn hash(secret: &str) -> [u8; 32] {
    key::hash(secret)
}

/// A new password of 20 characters in four groups, to be typed by hand once: 99 bits.
pub fn generate_password(mut fill: impl FnMut(&mut [u8])) -> String {
    let mut password = String::with_capacity(GROUPS * (GROUP_CHARACTERS + 1));
    let (mut drawn, mut buffer) = (0, [0_u8; 64]);
    while drawn < GROUPS * GROUP_CHARACTERS {
        fill(&mut buffer);
        // 248 is the largest multiple of 31 in a byte: what lies above would favour the first characters.
        for byte in buffer.iter().filter(|byte| **byte < 248) {
            if drawn == GROUPS * GROUP_CHARACTERS {
                break;
            }
            if drawn > 0 && drawn % GROUP_CHARACTERS == 0 {
                password.push('-');
            }
            password.push(char::from(CLEAR[usize::from(byte % 31)]));
            drawn += 1;
        }
    }
    password
}

/// Whether somebody may have this password. Length is what counts; which characters it has is theirs to choose.
///
/// # Errors
/// What is wrong with it and how to mend it; never the password.
pub fn check_password(password: &str) -> Result<(), (&'static str, &'static str)> {
    let characters = password.chars().count();
    if characters < PASSWORD_CHARACTERS_MIN {
        return Err((
            "The password is too short.",
            "Use at least 12 characters; several words are easy to keep in mind.",
        ));
    }
    if characters > PASSWORD_CHARACTERS_MAX {
        return Err(("The password is too long.", "Use at most 128 characters."));
    }
    if password.chars().any(char::is_control) {
        return Err(("The password has control characters.", "Use letters, digits, spaces and signs."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting() -> impl FnMut(&mut [u8]) {
        let mut next = 200_u8;
        move |bytes| {
            bytes.fill_with(|| {
                next = next.wrapping_add(7);
                next
            });
        }
    }

    #[test]
    fn a_secret_has_the_published_form() {
        let secret = generate(counting());
        let rest = secret.strip_prefix(SECRET_PREFIX).expect("the prefix");
        assert!(rest.len() == 36 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
        assert_ne!(secret, generate(|bytes| bytes.fill(1)));
    }

    #[test]
    fn a_made_password_is_one_that_may_be_had() {
        let password = generate_password(counting());
        assert_eq!(password.len(), 23);
        assert!(password.split('-').all(|group| group.len() == 5 && group.bytes().all(|byte| CLEAR.contains(&byte))));
        assert_eq!(check_password(&password), Ok(()));
    }

    #[test]
    fn length_alone_decides_about_a_password() {
        for (password, allowed) in [
            ("x".repeat(11), false),
            ("x".repeat(12), true),
            ("ä".repeat(128), true),
            ("ä".repeat(129), false),
            ("twelve letters\u{7}".to_owned(), false),
            ("correct horse battery".to_owned(), true),
        ] {
            assert_eq!(check_password(&password).is_ok(), allowed, "{password}");
        }
    }
}
