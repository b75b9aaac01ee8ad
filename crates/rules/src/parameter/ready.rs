//! A parameter made ready, and everything that is wrong with what was sent of it.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};

use super::read::{self, Read};
use super::shape::{Shape, Types};
use super::sources::{Pair, cookies, lines};
use super::style::{Written, Wrong};
use super::text::{Escapes, decoded, pointer, shown};
use crate::contract::{FieldError, Location};
use crate::media::MediaType;
use crate::model::{Parameter, ParameterPlace, ParameterStyle};
use crate::schema::{CompiledSchema, is_secret_name};

/// Members of deep objects stand at most so deep.
const DEPTH_MAX: usize = 5;

/// A parameter, made ready.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) name: Box<str>,
    pub(super) place: ParameterPlace,
    pub(super) required: bool,
    pub(super) form: Form,
    pub(super) shape: Shape,
    /// None: anything.
    pub(super) schema: Option<CompiledSchema>,
    /// Of a header.
    pub(super) header: Option<HeaderName>,
    /// Of a path: which segment.
    pub(super) segment: usize,
}

/// How its text is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Style(Written),
    /// JSON, escaped like any text.
    Json,
    /// A media type that isn't read.
    Other,
}

/// Where one call's parameters stand.
pub(super) struct Sources<'r> {
    pub(super) rest: &'r str,
    pub(super) pairs: Vec<Pair<'r>>,
    pub(super) headers: &'r HeaderMap,
    /// Names in the query that are parameters of their own.
    pub(super) taken: &'r [Box<str>],
}

/// What was read: nothing there, or the values that it may be, the likeliest first.
type Readings = Result<Option<Vec<Read>>, Wrong>;

impl Ready {
    pub(super) fn new(declared: &Parameter, shape: Shape, schema: Option<CompiledSchema>, segment: usize) -> Self {
        let form = match declared.media_type.as_deref() {
            None => Form::Style(Written::new(declared.place, declared.style, declared.explode)),
            Some(name) if MediaType::parse(name).is_some_and(|one| one.is_json()) => Form::Json,
            Some(_) => Form::Other,
        };
        Self {
            name: declared.name.as_str().into(),
            place: declared.place,
            required: declared.required || declared.place == ParameterPlace::Path,
            form,
            shape,
            schema,
            header: HeaderName::from_bytes(declared.name.as_bytes()).ok(),
            segment,
        }
    }

    /// Adds what is wrong.
    pub(super) fn check(&self, sources: &Sources<'_>, errors: &mut Vec<FieldError>) {
        let (texts, readings) = match self.texts(sources) {
            Some(texts) => {
                let readings = self.readings(&texts, sources, false);
                (texts, readings)
            }
            None => (Vec::new(), Err("is not UTF-8; send text as UTF-8".to_owned())),
        };
        let mut found = match readings {
            Ok(None) if self.required => vec![self.error("is required and missing")],
            Ok(None) => return,
            Ok(Some(readings)) => self.judged(&readings),
            Err(wrong) => vec![self.error(&wrong)],
        };
        if found.is_empty() {
            return;
        }
        let has = |what: &[&str]| texts.iter().any(|text| what.iter().any(|what| text.contains(what)));
        // Many write a list's delimiters escaped, and what is decoded before it is split reads them so.
        if has(&["%2C", "%2c"])
            && let Ok(Some(readings)) = self.readings(&texts, sources, true)
            && self.judged(&readings).is_empty()
        {
            return;
        }
        if self.place == ParameterPlace::Query
            && has(&["+"])
            && let Some(first) = found.first_mut()
        {
            first.message.push_str(" A + in a query is a space: write a plus sign as %2B.");
        }
        errors.append(&mut found);
    }

    /// The value that is read first, for tests of how values are written.
    #[cfg(test)]
    pub(super) fn likeliest(&self, sources: &Sources<'_>) -> Result<Option<serde_json::Value>, Wrong> {
        let texts = self.texts(sources).ok_or("no text")?;
        let read = self.readings(&texts, sources, false)?;
        Ok(read.and_then(|read| read.first().map(Read::likeliest)))
    }

    /// The texts that stand where the parameter may; none where one isn't UTF-8.
    fn texts<'r>(&self, sources: &'r Sources<'_>) -> Option<Vec<&'r str>> {
        match (self.place, &self.header) {
            (ParameterPlace::Path, _) => Some(vec![super::segment(sources.rest, self.segment)]),
            (ParameterPlace::Query, _) => {
                let named = sources.pairs.iter().filter(|pair| pair.is_named(&self.name));
                Some(named.map(|pair| pair.text).collect())
            }
            (ParameterPlace::Header, Some(name)) => lines(sources.headers, name),
            (ParameterPlace::Header, None) => Some(Vec::new()),
            (ParameterPlace::Cookie, _) => cookies(sources.headers, &self.name),
        }
    }

    /// What is wrong with the likeliest reading, or nothing where one of them is right.
    fn judged(&self, readings: &[Read]) -> Vec<FieldError> {
        let pointer = pointer(&self.name);
        let mut first = None;
        for one in readings {
            let mut misread = Vec::new();
            one.misread(&pointer, &mut misread);
            let mut errors: Vec<FieldError> =
                misread.iter().map(|one| self.misread(&one.pointer, one.text, one.types)).collect();
            if let Some(schema) = &self.schema {
                let found = one.judged(schema, self.location(), &pointer);
                let is_told = |at: &str| errors.iter().any(|told| told.pointer == at);
                let more: Vec<FieldError> = found.into_iter().filter(|error| !is_told(&error.pointer)).collect();
                errors.extend(more.into_iter().map(|error| self.told(error, &pointer)));
            }
            if errors.is_empty() {
                return errors;
            }
            first.get_or_insert(errors);
        }
        first.unwrap_or_default()
    }

    fn readings(&self, texts: &[&str], sources: &Sources<'_>, lax: bool) -> Readings {
        let written = match self.form {
            Form::Style(written) => written,
            Form::Json | Form::Other => return self.content(texts),
        };
        if written.style == ParameterStyle::DeepObject {
            return self.deep(written, sources, !texts.is_empty());
        }
        let is_object = self.shape.types.without(Types::NULL) == Types::OBJECT;
        if written.repeats() && is_object {
            return match self.place {
                ParameterPlace::Query => self.spread(written, sources),
                // Which cookies would be its members, nobody can tell.
                _ => Ok(None),
            };
        }
        let types = self.shape.types;
        let joined: String;
        let text = match texts {
            [] => return Ok(None),
            [one] => *one,
            several if written.repeats() && types.has(Types::ARRAY) => {
                let list =
                    several.iter().enumerate().map(|(at, text)| self.read(text, self.shape.element(at), written));
                return Ok(Some(vec![Read::List(list.collect::<Result<_, _>>()?)]));
            }
            several if self.place == ParameterPlace::Header && types.meets(Types::ARRAY.or(Types::OBJECT)) => {
                joined = several.join(",");
                joined.as_str()
            }
            several => return Err(format!("is given {} times; give it once", several.len())),
        };
        self.single(text, written, lax).map(Some)
    }

    /// What one text may be: a scalar, a list, an object, as far as the shape lets it.
    fn single(&self, text: &str, written: Written, lax: bool) -> Result<Vec<Read>, Wrong> {
        let types = self.shape.types;
        let mut readings = Vec::with_capacity(1);
        let mut wrong = None;
        let mut take = |reading: Result<Read, Wrong>| match reading {
            Ok(reading) => readings.push(reading),
            Err(why) => wrong = wrong.take().or(Some(why)),
        };
        if types.meets(Types::SCALAR) || types == Types::NONE {
            take(written.bare(&self.name, text).and_then(|bare| self.read(bare, &self.shape, written)));
        }
        // Of what nothing is said, one text is one value.
        let is_told = !self.shape.is_open();
        if is_told && types.has(Types::ARRAY) {
            let elements = match written.repeats() {
                true => Ok(vec![text]),
                false => written.elements(&self.name, text, lax),
            };
            let list = elements.and_then(|elements| {
                let read = elements.iter().enumerate();
                read.map(|(at, text)| self.read(text, self.shape.element(at), written)).collect::<Result<Vec<_>, _>>()
            });
            take(list.map(Read::List));
        }
        if is_told && types.has(Types::OBJECT) && !written.repeats() {
            take(written.members(&self.name, text, lax).and_then(|members| self.object(&members, written)));
        }
        match wrong {
            Some(wrong) if readings.is_empty() => Err(wrong),
            _ => Ok(readings),
        }
    }

    fn object(&self, members: &[(&str, &str)], written: Written) -> Result<Read, Wrong> {
        let mut read: Vec<(String, Read)> = Vec::with_capacity(members.len());
        for (name, text) in members {
            let name = decode(name, written.escapes)?;
            if read.iter().any(|(known, _)| *known == name) {
                return Err(format!("has the member {} twice", shown(&name)));
            }
            let value = self.read(text, self.shape.member(&name), written)?;
            read.push((name, value));
        }
        Ok(Read::Members(read))
    }

    /// An object whose members are parameters of their own.
    fn spread(&self, written: Written, sources: &Sources<'_>) -> Readings {
        let is_taken = |name: &str| sources.taken.iter().any(|taken| **taken == *name);
        let is_mine = |pair: &&Pair<'_>| {
            self.shape.properties.contains_key(&*pair.name) || self.takes_all() && !is_taken(&pair.name)
        };
        let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for pair in sources.pairs.iter().filter(is_mine) {
            texts.entry(&pair.name).or_default().push(pair.text);
        }
        let mut members = Vec::with_capacity(texts.len());
        for (name, texts) in texts {
            members.push((name.to_owned(), self.repeated(name, &texts, self.shape.member(name), written)?));
        }
        Ok((!members.is_empty()).then(|| vec![Read::Members(members)]))
    }

    /// Whether its members may have any name, so that no query parameter is unknown beside it.
    pub(super) fn takes_all(&self) -> bool {
        self.shape.others.is_some()
    }

    /// Whether the members of its value are parameters of their own.
    pub(super) fn is_spread(&self) -> bool {
        let repeats = matches!(self.form, Form::Style(written) if written.repeats());
        repeats && self.shape.types.without(Types::NULL) == Types::OBJECT
    }

    /// `name[a]=1&name[b][c]=2`; a member that is a list is given once for each element, with or without `[]`.
    fn deep(&self, written: Written, sources: &Sources<'_>, is_bare: bool) -> Readings {
        let mut leaves: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
        for pair in &sources.pairs {
            let Some(mut members) = pair.members(&self.name) else { continue };
            if members.len() > 1 && members.last() == Some(&"") {
                members.pop();
            }
            if members.len() > DEPTH_MAX {
                return Err(format!("has members more than {DEPTH_MAX} deep"));
            }
            leaves.entry(members).or_default().push(pair.text);
        }
        if leaves.is_empty() {
            return match is_bare {
                true => Err(format!("must be written as {}[MEMBER]=VALUE", self.name)),
                false => Ok(None),
            };
        }
        let leaves: Vec<_> = leaves.iter().map(|(path, texts)| (path.as_slice(), texts.as_slice())).collect();
        self.branch(&leaves, &self.shape, written).map(|read| Some(vec![read]))
    }

    /// The object of what lies below one member; `leaves` are sorted by their paths, none of which is empty.
    fn branch(&self, leaves: &[(&[&str], &[&str])], shape: &Shape, written: Written) -> Result<Read, Wrong> {
        let mut members = Vec::new();
        for group in leaves.chunk_by(|one, next| one.0.first() == next.0.first()) {
            let Some(((name, _), _)) = group.first().and_then(|(path, texts)| Some((path.split_first()?, texts)))
            else {
                continue;
            };
            let inner: Vec<_> = group.iter().map(|(path, texts)| (path.get(1..).unwrap_or_default(), *texts)).collect();
            let shape = shape.member(name);
            let read = match inner.as_slice() {
                [([], texts)] => self.repeated(name, texts, shape, written)?,
                [([], _), ..] => return Err(format!("has the member {} as a value and as an object", shown(name))),
                below => self.branch(below, shape, written)?,
            };
            members.push(((*name).to_owned(), read));
        }
        Ok(Read::Members(members))
    }

    /// A member's value of the texts that were given for it.
    fn repeated(&self, name: &str, texts: &[&str], shape: &Shape, written: Written) -> Result<Read, Wrong> {
        let is_list = shape.types.has(Types::ARRAY);
        match texts {
            [one] if !is_list || shape.types.meets(Types::SCALAR) => self.read(one, shape, written),
            several if is_list => {
                let read = several.iter().enumerate().map(|(at, text)| self.read(text, shape.element(at), written));
                Ok(Read::List(read.collect::<Result<_, _>>()?))
            }
            several => Err(format!("has the member {} {} times; give it once", shown(name), several.len())),
        }
    }

    /// A value that is written in a media type.
    fn content(&self, texts: &[&str]) -> Readings {
        let escapes = Written::new(self.place, None, None).escapes;
        let text = match texts {
            [] => return Ok(None),
            [one] => decode(one, escapes)?,
            several => return Err(format!("is given {} times; give it once", several.len())),
        };
        if self.form == Form::Other {
            return Ok(Some(vec![Read::Json(serde_json::Value::String(text))]));
        }
        if text.is_empty() {
            return Err("is empty; it must hold JSON".to_owned());
        }
        let limits = crate::body::JsonLimits::default();
        let read = crate::body::check_json(text.as_bytes(), limits).ok().and_then(|_| serde_json::from_str(&text).ok());
        read.map(|value| Some(vec![Read::Json(value)])).ok_or_else(|| "must hold valid JSON".to_owned())
    }

    fn read(&self, text: &str, shape: &Shape, written: Written) -> Result<Read, Wrong> {
        Ok(Read::text(decode(text, written.escapes)?, shape))
    }

    fn misread(&self, at: &str, text: &str, types: Types) -> FieldError {
        let wanted = read::words(types);
        let what = match text {
            "" => format!("is empty where it must be {wanted}"),
            _ if is_secret_name(&self.name) => format!("must be {wanted}"),
            _ => format!("must be {wanted}, not {}", shown(text)),
        };
        FieldError { pointer: at.to_owned(), ..self.error(&what) }
    }

    fn error(&self, what: &str) -> FieldError {
        let place = match self.place {
            ParameterPlace::Path => "path parameter",
            ParameterPlace::Query => "query parameter",
            ParameterPlace::Header => "header",
            ParameterPlace::Cookie => "cookie",
        };
        FieldError {
            pointer: pointer(&self.name),
            location: self.location(),
            message: format!("The {place} {} {what}.", shown(&self.name)),
        }
    }

    /// What the schema says, as a sentence about the parameter.
    fn told(&self, error: FieldError, pointer: &str) -> FieldError {
        let inner = error.pointer.strip_prefix(pointer).unwrap_or_default();
        let what = match inner {
            _ if is_secret_name(&self.name) => {
                "is not of the form that the operation describes; its value isn't repeated here".to_owned()
            }
            "" => error.message,
            inner => format!("at {} {}", shown(inner), error.message),
        };
        FieldError { pointer: error.pointer, ..self.error(&what) }
    }

    fn location(&self) -> Location {
        match self.place {
            ParameterPlace::Path => Location::Path,
            ParameterPlace::Query => Location::Query,
            ParameterPlace::Header | ParameterPlace::Cookie => Location::Header,
        }
    }
}

fn decode(text: &str, escapes: Escapes) -> Result<String, Wrong> {
    let decoded = decoded(text, escapes).ok_or_else(|| "is not UTF-8; percent-encode text as UTF-8".to_owned())?;
    Ok(decoded.into_owned())
}
