//! Reads a new password: twice and unseen from a terminal, one line from anything else. It is never told again.

use std::io::{self, BufRead as _, IsTerminal as _, Read, Write as _};

use limen_rules::sign_in::secret::check_password;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::Trouble;

/// So many bytes are read of a line, more than any password has.
const LINE_MAX_BYTES: u64 = 1_024;
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

/// The new password of `user`.
pub(super) fn read(user: &str) -> Result<String, Trouble> {
    let unread = |error: io::Error| Trouble::wrong(format!("the password can't be read: {error}"), "or use --generate");
    let password = if io::stdin().is_terminal() {
        let _unseen = Unseen::begin().map_err(unread)?;
        let mut keys = io::stdin().lock();
        let first = asked(&mut keys, &format!("New password for {user}: ")).map_err(unread)?;
        checked(&first)?;
        let second = asked(&mut keys, "The same again: ").map_err(unread)?;
        if first != second {
            return Err(Trouble::refused("the two passwords differ", "type the same one twice"));
        }
        first
    } else {
        one_line(io::stdin().lock()).map_err(unread)?
    };
    checked(&password)?;
    Ok(password)
}

fn checked(password: &str) -> Result<(), Trouble> {
    check_password(password).map_err(|(what, mend)| Trouble::refused(what, mend))
}

/// The first line, without its end.
fn one_line(input: impl io::BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.take(LINE_MAX_BYTES).read_line(&mut line)?;
    Ok(line.strip_suffix('\n').map_or(&*line, |line| line.strip_suffix('\r').unwrap_or(line)).to_owned())
}

/// Asks on standard error, so that standard output has the answer alone.
fn asked(keys: &mut impl Read, question: &str) -> io::Result<String> {
    write!(io::stderr(), "{question}")?;
    io::stderr().flush()?;
    let typed = typed(keys);
    let _ = writeln!(io::stderr());
    typed
}

/// What is typed up to the end of a line, key by key.
fn typed(keys: &mut impl Read) -> io::Result<String> {
    let interrupted = || io::Error::new(io::ErrorKind::Interrupted, "interrupted");
    let mut line: Vec<u8> = Vec::new();
    let mut key = [0_u8];
    while line.len() as u64 <= LINE_MAX_BYTES {
        if keys.read(&mut key)? == 0 {
            return Err(interrupted());
        }
        match key[0] {
            b'\r' | b'\n' => {
                return String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"));
            }
            INTERRUPT | END => return Err(interrupted()),
            // One character, which may have several bytes.
            BACKSPACE | DELETE => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            byte => line.push(byte),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"))
}

/// While it lives, the terminal shows nothing of what is typed and hands on every key, also the one that interrupts.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_a_line() {
        let line = |keys: &str| typed(&mut keys.as_bytes()).ok();
        assert_eq!(line("secret words\rmore").as_deref(), Some("secret words"));
        assert_eq!(line("aä\u{7f}b\u{8}c\n").as_deref(), Some("ac"));
        assert_eq!(line("\u{7f}\u{7f}a\n").as_deref(), Some("a"));
        for broken in ["secret", "sec\u{3}ret\n", "\u{4}", &"x".repeat(2_000)] {
            assert_eq!(line(broken), None, "{broken}");
        }
    }

    #[test]
    fn one_line_is_read_without_its_end() {
        for (input, expected) in [("a b\n", "a b"), ("a\r\nb\n", "a"), ("a", "a"), ("", ""), (" a \n", " a ")] {
            assert_eq!(one_line(input.as_bytes()).expect("a line"), expected);
        }
    }
}
