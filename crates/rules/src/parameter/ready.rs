//! A parameter made ready, and everything that is wrong with what was sent of it.

use http::HeaderName;

use super::read::{self, Read};
use super::shape::{Shape, Types};
use super::sources::{Pair, cookies, lines};
use super::style::{Written, Wrong};
use super::text::{Escapes, decoded, pointer, shown};
use crate::contract::{FieldError, Location};
use crate::header::Fields;
use crate::media::MediaType;
use crate::model::{Parameter, ParameterPlace, ParameterStyle};
use crate::schema::{CompiledSchema, is_secret_name};

/// A parameter, made ready.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) name: Box<str>,
    pub(super) place: ParameterPlace,
    pub(super) required: bool,
    /// Whether its value is never repeated.
    is_secret: bool,
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
    pub(super) headers: &'r dyn Fields,
    /// Names in the query that are parameters of their own.
    pub(super) taken: &'r [Box<str>],
}

/// What was read: nothing there, or the values that it may be, the likeliest first.
pub(super) type Readings = Result<Option<Vec<Read>>, Wrong>;

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
            is_secret: is_secret(declared),
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

    pub(super) fn read(&self, text: &str, shape: &Shape, written: Written) -> Result<Read, Wrong> {
        Ok(Read::text(decode(text, written.escapes)?, shape))
    }

    fn misread(&self, at: &str, text: &str, types: Types) -> FieldError {
        let wanted = read::words(types);
        let what = match text {
            "" => format!("is empty where it must be {wanted}"),
            _ if self.is_secret => format!("must be {wanted}"),
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
            _ if self.is_secret => {
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

/// Whether its name or its schema says that it holds a secret.
fn is_secret(declared: &Parameter) -> bool {
    let says = |keyword: &str| declared.schema.as_ref().and_then(|schema| schema.get(keyword));
    is_secret_name(&declared.name)
        || says("format").is_some_and(|format| format == "password")
        || says("writeOnly").is_some_and(|is_so| is_so == true)
}

pub(super) fn decode(text: &str, escapes: Escapes) -> Result<String, Wrong> {
    let decoded = decoded(text, escapes).ok_or_else(|| "is not UTF-8; percent-encode text as UTF-8".to_owned())?;
    Ok(decoded.into_owned())
}
