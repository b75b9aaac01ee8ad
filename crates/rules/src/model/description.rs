//! What an operation says of its requests and answers: parameters and bodies with their schemas.
//!
//! Schemas are JSON Schema 2020-12. A `$ref` in one leads to `#/schemas/NAME`, a schema of the API, and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An API's schemas by name, to which those of its operations refer as `#/schemas/NAME`.
pub type Schemas = Arc<BTreeMap<String, Value>>;

/// Where a parameter stands (OpenAPI 3.1 §4.8.12.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterPlace {
    /// A segment of the path.
    Path,
    /// The query.
    Query,
    /// A header field.
    Header,
    /// A cookie; checked only where the API lets cookies pass.
    Cookie,
}

/// How a parameter's value is written (OpenAPI 3.1 §4.8.12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ParameterStyle {
    /// `a,b`: the default of path and header.
    Simple,
    /// `.a.b`, in a path.
    Label,
    /// `;name=a,b`, in a path.
    Matrix,
    /// `name=a&name=b`: the default of query and cookie.
    Form,
    /// `name=a%20b`, in a query.
    SpaceDelimited,
    /// `name=a|b`, in a query.
    PipeDelimited,
    /// `name[member]=a`, in a query.
    DeepObject,
}

/// A parameter of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name; of a header in any case.
    pub name: String,
    /// Where it stands.
    #[serde(rename = "in")]
    pub place: ParameterPlace,
    /// Whether it must be there; in a path it always must.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// How it is written; none: as is usual for its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<ParameterStyle>,
    /// Whether each element or member is written by itself; none: as is usual for its style.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explode: Option<bool>,
    /// The media type that its value is written in instead of a style, such as `application/json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What its value must be; none: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Whether it should not be used any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
}

/// A body in one media type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The media type or range, such as `application/json` or `image/*`.
    pub media_type: String,
    /// What it must be, where it is JSON; none: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}

/// What an operation says of a request's body. Which media types are accepted is `media_types`' to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestBody {
    /// Whether there must be one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// By media type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Content>,
}

/// What an operation says of the service's answers with one status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAnswer {
    /// `200`, `2XX` or `default`.
    pub status: String,
    /// By media type; none: no body is told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Content>,
}

/// What becomes of a query parameter that the operation doesn't know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownParameters {
    /// It passes.
    #[default]
    Pass,
    /// 400.
    Refuse,
}

/// What becomes of a property in a request that its schema calls `readOnly`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadOnlyProperties {
    /// 400: only the service sets it.
    #[default]
    Refuse,
    /// It passes, for services that leave it aside.
    Pass,
}
