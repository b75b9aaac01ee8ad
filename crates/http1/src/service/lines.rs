//! Fields as the lines that a service gets: made once, sent as often as a call is sent, whichever target it goes to.

use http::{HeaderMap, HeaderName};

use crate::writer::put_line;

/// Field lines of a request, all but those that the engine writes itself.
#[derive(Clone, Debug, Default)]
pub struct FieldLines {
    bytes: Vec<u8>,
    count: usize,
    /// The last `Upgrade`, whose protocol is asked for where a request says so.
    upgrade: Option<Vec<u8>>,
}

impl FieldLines {
    /// None yet, and room for so many bytes of them.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// All fields of a map, `Host` aside.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut lines = Self::default();
        headers.iter().for_each(|(name, value)| lines.put(name, value.as_bytes()));
        lines
    }

    /// One more field. `Host`, `Connection`, `Content-Length`, `Transfer-Encoding`, `Trailer`, `TE`, `Expect`,
    /// `Keep-Alive` and `Proxy-Connection` are left out: the engine writes what is true. `Upgrade` is kept for a request
    /// that asks for it. Whether a value holds a line's end is looked at when a head is written.
    pub fn put(&mut self, name: &HeaderName, value: &[u8]) {
        self.put_read(name.as_str().as_bytes(), value);
    }

    /// The same by a name as it was read, in small letters.
    pub fn put_read(&mut self, name: &[u8], value: &[u8]) {
        match whose(name) {
            Whose::Senders => {
                put_line(&mut self.bytes, name, value);
                self.count += 1;
            }
            Whose::Upgrade => self.upgrade = Some(value.to_vec()),
            Whose::Engine => {}
        }
    }

    /// The lines as they are written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn upgrade(&self) -> Option<&[u8]> {
        self.upgrade.as_deref()
    }
}

/// Who says what stands in a field.
enum Whose {
    /// Whoever sends the request.
    Senders,
    /// It too, where the protocol is to be switched.
    Upgrade,
    /// The engine, which writes what is true.
    Engine,
}

fn whose(name: &[u8]) -> Whose {
    match name {
        b"upgrade" => Whose::Upgrade,
        b"host" | b"connection" | b"content-length" | b"transfer-encoding" | b"trailer" | b"te" | b"expect"
        | b"keep-alive" | b"proxy-connection" => Whose::Engine,
        _ => Whose::Senders,
    }
}
