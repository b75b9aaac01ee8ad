//! A request as a scripted service saw it.

/// A request as it came.
#[derive(Clone, Default)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The request target: path and query, to the letter.
    pub target: String,
    /// The header fields, names and order as sent.
    pub headers: Vec<(String, String)>,
    /// What came of the body so far, its framing removed.
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub complete: bool,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "{} {}{}", self.method, self.target, if self.complete { "" } else { " (not complete)" })?;
        for (name, value) in &self.headers {
            writeln!(formatter, "{name}: {value}")?;
        }
        write!(formatter, "\n{}", String::from_utf8_lossy(&self.body))
    }
}

impl Seen {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).first().copied()
    }

    /// All headers of that name, in any case.
    pub fn headers_named(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}
