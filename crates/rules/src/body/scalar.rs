//! JSON's words, numbers and strings (RFC 8259 §§3, 6, 7), checked character by character.

use super::JsonKind;
use super::fault::Fault;
use super::scan::Scan;

impl Scan<'_> {
    /// Reads a value that is neither an array nor an object.
    pub(super) fn scalar(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let mut has_escapes = false;
        let kind = match self.peek() {
            Some(b'"') => {
                has_escapes = self.string()?;
                JsonKind::String
            }
            Some(b't') => self.word("true", JsonKind::Boolean)?,
            Some(b'f') => self.word("false", JsonKind::Boolean)?,
            Some(b'n') => self.word("null", JsonKind::Null)?,
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                JsonKind::Number
            }
            _ => return Err(self.expected("a value")),
        };
        if let Some(nodes) = &mut self.nodes {
            nodes.scalar(kind, start, self.at, has_escapes);
        }
        Ok(())
    }

    fn word(&mut self, word: &'static str, kind: JsonKind) -> Result<JsonKind, Fault> {
        for byte in word.bytes() {
            if self.peek() != Some(byte) {
                return Err(self.expected(word));
            }
            self.at += 1;
        }
        Ok(kind)
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    /// Reads a string from its first quotation mark past its last; whether it has escapes.
    pub(super) fn string(&mut self) -> Result<bool, Fault> {
        let mut has_escapes = false;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(has_escapes);
                }
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                Some(0..=0x1f) => return Err(self.expected("control characters of a string as \\u escapes")),
                Some(_) => self.at += 1,
                None => return Err(self.expected("the quotation mark that ends the string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                return Ok(());
            }
            Some(b'u') => self.at += 1,
            _ => return Err(self.expected("one of \" \\ / b f n r t u after a backslash")),
        }
        let is_paired = match self.code_unit()? {
            0xd800..=0xdbff if self.peek() == Some(b'\\') => {
                self.at += 1;
                if self.peek() == Some(b'u') {
                    self.at += 1;
                    (0xdc00..=0xdfff).contains(&self.code_unit()?)
                } else {
                    false
                }
            }
            0xd800..=0xdfff => false,
            _ => true,
        };
        if is_paired {
            return Ok(());
        }
        self.at = start;
        Err(self.fault("expected both halves of a surrogate pair, found one alone".to_owned()))
    }

    fn code_unit(&mut self) -> Result<u32, Fault> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Err(self.expected("four hex digits after \\u")) };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }
}
