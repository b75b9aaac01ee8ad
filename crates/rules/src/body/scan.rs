//! A reader of JSON (RFC 8259) with a stack of its own: it checks each character once, and keeps only member names
//! unless a tree is wanted.

use super::fault::{Fault, found};
use super::names::{Name, first_duplicate};
use super::tree::Nodes;
use super::{JsonKind, JsonLimits, JsonSummary};

/// A pointer is told up to this length in bytes, then that of an enclosing value.
const POINTER_LEN_MAX: usize = 512;

enum Frame {
    Array { index: usize },
    Object,
}

struct Open {
    frame: Frame,
    /// How many names there were when it was opened.
    names_before: usize,
}

#[derive(Clone, Copy)]
enum Next {
    Value,
    ValueOrEnd,
    NameOrEnd,
    Name,
    CommaOrEnd,
}

/// One pass over a text.
pub(super) struct Scan<'a> {
    text: &'a str,
    pub(super) at: usize,
    open: Vec<Open>,
    names: Vec<Name>,
    limits: JsonLimits,
    depth: usize,
    pub(super) nodes: Option<Nodes>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, limits: JsonLimits) -> Self {
        Self { text, at: 0, open: Vec::new(), names: Vec::new(), limits, depth: 0, nodes: None }
    }

    pub(super) fn run(&mut self) -> Result<JsonSummary, Fault> {
        self.white_space();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b'"') => JsonKind::String,
            Some(b't' | b'f') => JsonKind::Boolean,
            Some(b'n') => JsonKind::Null,
            _ => JsonKind::Number,
        };
        let mut next = Next::Value;
        loop {
            self.white_space();
            next = match (next, self.peek()) {
                (Next::Value | Next::ValueOrEnd, Some(b'{')) => self.enter(Frame::Object, Next::NameOrEnd)?,
                (Next::Value | Next::ValueOrEnd, Some(b'[')) => {
                    self.enter(Frame::Array { index: 0 }, Next::ValueOrEnd)?
                }
                (Next::ValueOrEnd, Some(b']')) | (Next::NameOrEnd, Some(b'}')) => self.leave()?,
                (Next::Value | Next::ValueOrEnd, _) => {
                    self.scalar()?;
                    Next::CommaOrEnd
                }
                (Next::NameOrEnd | Next::Name, Some(b'"')) => self.name()?,
                (Next::NameOrEnd, _) => return Err(self.expected("a member name in quotation marks or }")),
                (Next::Name, _) => return Err(self.expected("a member name in quotation marks")),
                (Next::CommaOrEnd, _) => self.comma_or_end()?,
            };
            if self.open.is_empty() {
                break;
            }
        }
        let written = self.text.get(start..self.at).unwrap_or_default();
        self.white_space();
        if self.at < self.text.len() {
            return Err(self.expected("the end of the body"));
        }
        let is_empty = match kind {
            JsonKind::Object | JsonKind::Array => {
                let inside = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
                inside.bytes().all(is_white_space)
            }
            JsonKind::String => written.len() == 2,
            JsonKind::Number | JsonKind::Boolean | JsonKind::Null => false,
        };
        Ok(JsonSummary { kind, is_empty, depth: self.depth })
    }

    fn enter(&mut self, frame: Frame, next: Next) -> Result<Next, Fault> {
        if self.open.len() >= self.limits.depth_max {
            return Err(self.fault(format!("nested deeper than {} levels", self.limits.depth_max)));
        }
        self.open.push(Open { frame, names_before: self.names.len() });
        self.depth = self.depth.max(self.open.len());
        if let Some(nodes) = &mut self.nodes {
            nodes.enter(matches!(next, Next::NameOrEnd));
        }
        self.at += 1;
        Ok(next)
    }

    fn leave(&mut self) -> Result<Next, Fault> {
        if let Some(closed) = self.open.last() {
            let names = self.names.get_mut(closed.names_before..).unwrap_or_default();
            if let Some(name) = first_duplicate(names, self.text) {
                self.at = (name.start as usize).saturating_sub(1);
                let parents = self.open.len() - 1;
                let mut pointer = self.pointer(parents);
                push_token(&mut pointer, &name.unescaped(self.text));
                let words = "expected a name that this object doesn't have yet, found the same name again";
                return Err(Fault::new(self.at, pointer, words.to_owned()));
            }
            self.names.truncate(closed.names_before);
        }
        self.open.pop();
        if let Some(nodes) = &mut self.nodes {
            nodes.leave();
        }
        self.at += 1;
        Ok(Next::CommaOrEnd)
    }

    fn name(&mut self) -> Result<Next, Fault> {
        let start = self.at + 1;
        let has_escapes = self.string()?;
        let end = self.at - 1;
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else {
            return Err(self.fault("the body is too large".to_owned()));
        };
        self.names.push(Name { start, end, has_escapes });
        if let Some(nodes) = &mut self.nodes {
            nodes.name(start, end, has_escapes);
        }
        self.white_space();
        if self.peek() != Some(b':') {
            return Err(self.expected("a colon"));
        }
        self.at += 1;
        Ok(Next::Value)
    }

    fn comma_or_end(&mut self) -> Result<Next, Fault> {
        let next_byte = self.peek();
        match (self.open.last_mut().map(|open| &mut open.frame), next_byte) {
            (Some(Frame::Array { index }), Some(b',')) => {
                *index += 1;
                self.at += 1;
                Ok(Next::Value)
            }
            (Some(Frame::Object), Some(b',')) => {
                self.at += 1;
                Ok(Next::Name)
            }
            (Some(Frame::Array { .. }), Some(b']')) | (Some(Frame::Object), Some(b'}')) => self.leave(),
            (Some(Frame::Array { .. }), _) => Err(self.expected("a comma or ]")),
            (Some(Frame::Object), _) => Err(self.expected("a comma or }")),
            (None, _) => Err(self.expected("the end of the body")),
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn white_space(&mut self) {
        while self.peek().is_some_and(is_white_space) {
            self.at += 1;
        }
    }

    pub(super) fn expected(&self, what: &str) -> Fault {
        let found = found(self.text.get(self.at..).unwrap_or_default());
        self.fault(format!("expected {what}, found {found}"))
    }

    pub(super) fn fault(&self, words: String) -> Fault {
        Fault::new(self.at, self.pointer(self.open.len()), words)
    }

    /// The pointer to where the reader is, as deep as the first `depth` open values.
    fn pointer(&self, depth: usize) -> String {
        let mut pointer = String::new();
        for (level, open) in self.open.iter().enumerate().take(depth) {
            let has_room = match open.frame {
                Frame::Array { index } => push_token(&mut pointer, &index.to_string()),
                Frame::Object => {
                    let names_after = self.open.get(level + 1).map_or(self.names.len(), |inner| inner.names_before);
                    let names = self.names.get(open.names_before..names_after).unwrap_or_default();
                    match names.last() {
                        Some(name) => push_token(&mut pointer, &name.unescaped(self.text)),
                        None => true,
                    }
                }
            };
            if !has_room {
                break;
            }
        }
        pointer
    }
}

/// Appends a reference token (RFC 6901 §3), or nothing and `false` where the pointer would become too long.
fn push_token(pointer: &mut String, token: &str) -> bool {
    let token = token.replace('~', "~0").replace('/', "~1");
    if pointer.len() + token.len() >= POINTER_LEN_MAX {
        return false;
    }
    pointer.push('/');
    pointer.push_str(&token);
    true
}

fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
