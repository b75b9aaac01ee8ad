//! Schemas in the form in which values are compared with them: flat, by number, without text that nobody reads.

use std::sync::Arc;

use serde_json::Value;

use super::decimal::Decimal;
use super::format::Format;
use super::pattern::Pattern;

/// A schema of a unit by its number; the unit's own is 0.
pub(super) type NodeId = u32;

/// One schema with all that stand in it.
#[derive(Debug, Default)]
pub(super) struct Unit {
    pub(super) nodes: Box<[Node]>,
    /// The API's schemas that it refers to.
    pub(super) refers_to: Box<[u32]>,
    /// Those of them to which the unit's own schema leads without a step into the value.
    pub(super) leads_to: Box<[u32]>,
}

/// Kinds of values, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(pub(super) u8);

impl Kinds {
    pub(super) const OBJECT: Self = Self(1);
    pub(super) const ARRAY: Self = Self(2);
    pub(super) const STRING: Self = Self(4);
    pub(super) const BOOLEAN: Self = Self(8);
    pub(super) const NULL: Self = Self(16);
    pub(super) const INTEGER: Self = Self(32);
    /// Whole numbers too.
    pub(super) const NUMBER: Self = Self(64 | 32);
    pub(super) const ALL: Self = Self(127);

    /// The kind of that name in JSON Schema.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::OBJECT,
            "array" => Self::ARRAY,
            "string" => Self::STRING,
            "boolean" => Self::BOOLEAN,
            "null" => Self::NULL,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            _ => return None,
        })
    }

    pub(super) fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A schema.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kinds: Kinds,
    pub(super) is_read_only: bool,
    pub(super) is_write_only: bool,
    /// Whether its values are passwords.
    pub(super) is_secret: bool,
    /// The last may be [`Rule::Unevaluated`], no other.
    pub(super) rules: Box<[Rule]>,
}

/// What a schema asks for besides the kind.
#[derive(Debug)]
pub(super) enum Rule {
    /// Nothing is accepted.
    Never,
    /// What another schema of the API asks for, by its place in the order of names.
    Reference(u32),
    /// One of these values.
    Values(Box<Values>),
    Number(Box<NumberRule>),
    Text(Box<TextRule>),
    Array(Box<ArrayRule>),
    Object(Box<ObjectRule>),
    All(Box<[NodeId]>),
    Any(Box<[NodeId]>),
    One(Box<[NodeId]>),
    Not(NodeId),
    If {
        test: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
    },
    Unevaluated {
        members: Option<NodeId>,
        elements: Option<NodeId>,
    },
}

/// Values of `enum` or `const`.
#[derive(Debug)]
pub(super) struct Values {
    /// In their order.
    pub(super) texts: Box<[Box<str>]>,
    pub(super) others: Box<[Value]>,
    /// The first of them, for people.
    pub(super) words: Box<str>,
}

#[derive(Debug, Default)]
pub(super) struct NumberRule {
    pub(super) least: Option<Decimal>,
    pub(super) most: Option<Decimal>,
    pub(super) above: Option<Decimal>,
    pub(super) below: Option<Decimal>,
    pub(super) multiple_of: Option<Decimal>,
    pub(super) format: Option<Format>,
}

#[derive(Debug, Default)]
pub(super) struct TextRule {
    pub(super) least: Option<u64>,
    pub(super) most: Option<u64>,
    pub(super) pattern: Option<Arc<Pattern>>,
    pub(super) format: Option<Format>,
}

#[derive(Debug, Default)]
pub(super) struct ArrayRule {
    pub(super) prefix: Box<[NodeId]>,
    pub(super) elements: Option<NodeId>,
    pub(super) contains: Option<Contains>,
    pub(super) least: Option<u64>,
    pub(super) most: Option<u64>,
    pub(super) is_unique: bool,
}

/// How many elements must fit.
#[derive(Debug)]
pub(super) struct Contains {
    pub(super) node: NodeId,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct ObjectRule {
    /// By name, in their order.
    pub(super) members: Box<[Member]>,
    pub(super) patterns: Box<[(Arc<Pattern>, NodeId)]>,
    pub(super) others: Option<NodeId>,
    pub(super) names: Option<NodeId>,
    /// How many members are required.
    pub(super) required: usize,
    pub(super) least: Option<u64>,
    pub(super) most: Option<u64>,
    pub(super) dependents: Box<[Dependent]>,
}

/// A member that is known by name.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Box<str>,
    /// None: it is only required.
    pub(super) node: Option<NodeId>,
    /// Its place among those that are required.
    pub(super) required: Option<usize>,
}

/// What is asked for where a member is there.
#[derive(Debug)]
pub(super) struct Dependent {
    pub(super) name: Box<str>,
    pub(super) required: Box<[Box<str>]>,
    pub(super) node: Option<NodeId>,
}

impl ObjectRule {
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        let at = self.members.binary_search_by(|member| (*member.name).cmp(name)).ok()?;
        self.members.get(at)
    }
}
