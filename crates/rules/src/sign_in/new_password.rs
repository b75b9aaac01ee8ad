//! Whether a password may be one: long enough to stand guessing, short enough to be hashed. Nothing else is asked of it
//! (NIST SP 800-63B §3.1.1).

/// A password has at least so many characters.
pub const PASSWORD_MIN_CHARACTERS: usize = 10;
/// No longer one is looked at.
pub const PASSWORD_MAX_BYTES: usize = 512;

/// Checks a new password.
///
/// # Errors
/// What to do instead, as a sentence.
pub fn check_new_password(password: &str, user: &str, email: &str) -> Result<(), &'static str> {
    if password.chars().count() < PASSWORD_MIN_CHARACTERS {
        return Err("Use at least 10 characters; a few words are easier to remember than a few signs.");
    }
    if password.len() > PASSWORD_MAX_BYTES {
        return Err("Use at most 512 bytes.");
    }
    let is_name = |name: &str| !name.is_empty() && password.trim().eq_ignore_ascii_case(name);
    if is_name(user) || is_name(email) {
        return Err("Use something else than the user's own name or address.");
    }
    let mut characters = password.chars();
    let first = characters.next();
    if characters.all(|character| Some(character) == first) {
        return Err("Use more than one character over and over.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_password() {
        let check = |password: &str| check_new_password(password, "adalovelace", "ada@example.org");
        for good in ["correct horse", "ÄÖÜäöüßéèê", "1234567890", &"x y".repeat(100)] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, word) in [
            ("", "at least 10"),
            ("ninechars", "at least 10"),
            ("AdaLovelace", "own name"),
            ("Ada@Example.org", "own name"),
            ("aaaaaaaaaaaa", "over and over"),
            (&"ab".repeat(300), "at most"),
        ] {
            assert!(check(bad).expect_err(bad).contains(word), "{bad}");
        }
    }
}
