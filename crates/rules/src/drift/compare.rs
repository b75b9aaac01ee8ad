//! An answer compared with what its operation describes.

use std::sync::Arc;

use super::Difference;
use super::place::masked;
use crate::body::{JsonLimits, read_json};
use crate::media::{MediaRange, MediaType};
use crate::model::{Api, Operation, ServiceAnswer};
use crate::parameter::Shape;
use crate::schema::{CompiledSchema, Direction, Library, SchemaProblem};

/// So many differences are told of one answer.
const DIFFERENCES_MAX: usize = 10;
/// A media type is told no longer.
const MEDIA_TYPE_CHARACTERS_MAX: usize = 80;

/// The answers that an operation describes, made ready.
#[derive(Debug, Default)]
pub struct LiveAnswers {
    answers: Vec<LiveAnswer>,
}

#[derive(Debug)]
struct LiveAnswer {
    /// In small letters: `200`, `2xx` or `default`.
    status: String,
    content: Vec<LiveContent>,
}

#[derive(Debug)]
struct LiveContent {
    range: MediaRange,
    schema: Option<(CompiledSchema, Shape)>,
}

/// What came of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerBody<'b> {
    /// Its kind of answer has none, as that to a HEAD.
    None,
    /// All of it.
    Whole(&'b [u8]),
    /// There is one, and it isn't looked at.
    LeftAside,
}

impl LiveAnswers {
    /// Makes ready what is described of an operation's answers; nothing, where the API doesn't ask for that.
    ///
    /// # Errors
    /// The schema that can't be.
    pub fn compile(api: &Api, operation: &Operation, library: &Arc<Library>) -> Result<Self, SchemaProblem> {
        let described = if api.check_answers { operation.answers.as_slice() } else { &[] };
        let live = described.iter().enumerate().map(|(at, answer)| {
            let live = LiveAnswer::compile(api, answer, library)
                .map_err(|problem| problem.below(&format!("answers[{at}]")))?;
            Ok(live)
        });
        Ok(Self { answers: live.collect::<Result<_, SchemaProblem>>()? })
    }

    /// Whether nothing is described, so that there is nothing to compare.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// How an answer differs from what is described: nothing where it doesn't.
    #[must_use]
    pub fn differences(&self, status: u16, content_type: Option<&str>, body: AnswerBody<'_>) -> Vec<Difference> {
        let Some(answer) = self.answer(status) else { return vec![Difference::Status] };
        let is_bodiless = matches!(body, AnswerBody::None | AnswerBody::Whole([]));
        if answer.content.is_empty() || (is_bodiless && (content_type.is_none() || body == AnswerBody::None)) {
            // A HEAD, a 204: nothing says what they would have had.
            let is_lacking =
                body == AnswerBody::Whole(&[]) && !answer.content.is_empty() && !matches!(status, 204 | 205 | 304);
            return if is_lacking { vec![Difference::MediaType { media_type: None }] } else { Vec::new() };
        }
        let media_type = content_type.and_then(MediaType::parse);
        let content = media_type.as_ref().and_then(|media_type| answer.content(media_type));
        let Some(content) = content else {
            return vec![Difference::MediaType { media_type: content_type.map(essence) }];
        };
        match (&content.schema, body) {
            (Some((schema, shape)), AnswerBody::Whole(bytes)) if media_type.is_some_and(|one| one.is_json()) => {
                violations(schema, shape, bytes)
            }
            _ => Vec::new(),
        }
    }

    fn answer(&self, status: u16) -> Option<&LiveAnswer> {
        let named = |name: &str| self.answers.iter().find(|answer| answer.status == name);
        named(&status.to_string()).or_else(|| named(&format!("{}xx", status / 100))).or_else(|| named("default"))
    }
}

impl LiveAnswer {
    fn compile(api: &Api, answer: &ServiceAnswer, library: &Arc<Library>) -> Result<Self, SchemaProblem> {
        let mut content = Vec::with_capacity(answer.content.len());
        for (at, one) in answer.content.iter().enumerate() {
            let Some(range) = MediaRange::parse(&one.media_type) else { continue };
            let schema = one.schema.as_ref().map(|schema| {
                let compiled = CompiledSchema::compile(schema, library, Direction::Answer);
                compiled.map(|compiled| (compiled, Shape::of(Some(schema), &api.schemas)))
            });
            let schema = schema.transpose().map_err(|problem| problem.below(&format!("content[{at}].schema")))?;
            content.push(LiveContent { range, schema });
        }
        Ok(Self { status: answer.status.to_ascii_lowercase(), content })
    }

    /// What is described of a media type: the narrowest range that holds it.
    fn content(&self, media_type: &MediaType) -> Option<&LiveContent> {
        let holding = self.content.iter().filter(|content| content.range.holds(media_type));
        holding.min_by_key(|content| content.range.to_string().matches('*').count())
    }
}

/// A media type without its parameters, as it may be told.
fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let plain = |one: char| if one.is_ascii_graphic() { one.to_ascii_lowercase() } else { '?' };
    essence.chars().take(MEDIA_TYPE_CHARACTERS_MAX).map(plain).collect()
}

fn violations(schema: &CompiledSchema, shape: &Shape, bytes: &[u8]) -> Vec<Difference> {
    // A document of white space, a member twice or 65 levels are no JSON that everybody reads alike.
    let Ok((_, tree)) = read_json(bytes, JsonLimits::default()) else { return vec![Difference::NotJson] };
    let mut found: Vec<Difference> = Vec::new();
    for violation in schema.violations(&tree) {
        let keyword = if violation.keyword.is_empty() { "schema" } else { violation.keyword };
        let pointer = masked(&violation.pointer, shape);
        let difference = Difference::Schema { pointer, keyword: keyword.to_owned() };
        if !found.contains(&difference) && found.len() < DIFFERENCES_MAX {
            found.push(difference);
        }
    }
    found
}
