//! What a schema lets a value be, as far as reading text needs it: types, elements and members.
//!
//! It is a guess that may be too wide, never a check: whether a value is right, the schema itself is asked.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::Schemas;

/// Schemas looked at for one parameter, and how deep: what lies beyond may be anything.
const SCHEMAS_MAX: usize = 2_000;
const DEPTH_MAX: usize = 12;

/// A set of JSON's types. A number's is a whole number's too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(2);
    pub(crate) const INTEGER: Self = Self(4);
    /// With and without a fraction.
    pub(crate) const NUMBER: Self = Self(4 | 8);
    pub(crate) const STRING: Self = Self(16);
    pub(crate) const ARRAY: Self = Self(32);
    pub(crate) const OBJECT: Self = Self(64);
    /// What one text can be.
    pub(crate) const SCALAR: Self = Self(1 | 2 | 4 | 8 | 16);
    pub(crate) const ANY: Self = Self(127);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are in it.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in it.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            // 1.0 is a whole number to JSON Schema.
            Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() != 0.0) => Self::NUMBER,
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) types: Types,
    items: Option<Box<Shape>>,
    /// Elements that have a schema by their place.
    prefix: Vec<Shape>,
    pub(crate) properties: BTreeMap<String, Shape>,
    /// Members besides the properties, where the schema says something of them but that there are none.
    pub(crate) others: Option<Box<Shape>>,
}

static ANYTHING: Shape =
    Shape { types: Types::ANY, items: None, prefix: Vec::new(), properties: BTreeMap::new(), others: None };

impl Shape {
    /// The shape of what a schema accepts; `schemas` are those that it may refer to.
    pub(crate) fn of(schema: Option<&Value>, schemas: &Schemas) -> Self {
        let mut look = Look { schemas, left: SCHEMAS_MAX };
        let mut shape = schema.map_or_else(|| ANYTHING.clone(), |schema| look.shape(schema, 0));
        shape.settle();
        shape
    }

    /// What the element at that place may be.
    pub(crate) fn element(&self, at: usize) -> &Self {
        self.prefix.get(at).or(self.items.as_deref()).unwrap_or(&ANYTHING)
    }

    /// What the member of that name may be.
    pub(crate) fn member(&self, name: &str) -> &Self {
        self.properties.get(name).or(self.others.as_deref()).unwrap_or(&ANYTHING)
    }

    /// The member that is named.
    pub(crate) fn named(&self, name: &str) -> Option<&Self> {
        self.properties.get(name)
    }

    /// The members that aren't named.
    pub(crate) fn other(&self) -> Option<&Self> {
        self.others.as_deref()
    }

    /// The element at that place, where anything is said of it.
    pub(crate) fn known_element(&self, at: usize) -> Option<&Self> {
        self.prefix.get(at).or(self.items.as_deref())
    }

    /// Whether nothing is said of the type.
    pub(crate) fn is_open(&self) -> bool {
        self.types == Types::ANY
    }

    /// A schema with properties or items and no type means objects or arrays, where it is a text that is read.
    fn settle(&mut self) {
        if self.is_open() && !self.properties.is_empty() {
            self.types = Types::OBJECT;
        } else if self.is_open() && (self.items.is_some() || !self.prefix.is_empty()) {
            self.types = Types::ARRAY;
        }
        let inner = self.items.iter_mut().chain(self.others.iter_mut()).map(|inner| &mut **inner);
        for inner in inner.chain(self.prefix.iter_mut()).chain(self.properties.values_mut()) {
            inner.settle();
        }
    }

    fn merge(&mut self, other: Self, types: fn(Types, Types) -> Types) {
        let one = |into: &mut Option<Box<Self>>, other: Option<Box<Self>>| match (into.as_mut(), other) {
            (Some(into), Some(other)) => into.merge(*other, types),
            (None, Some(other)) => *into = Some(other),
            (_, None) => {}
        };
        self.types = types(self.types, other.types);
        one(&mut self.items, other.items);
        one(&mut self.others, other.others);
        for (at, other) in other.prefix.into_iter().enumerate() {
            match self.prefix.get_mut(at) {
                Some(into) => into.merge(other, types),
                None => self.prefix.push(other),
            }
        }
        for (name, other) in other.properties {
            match self.properties.get_mut(&name) {
                Some(into) => into.merge(other, types),
                None => drop(self.properties.insert(name, other)),
            }
        }
    }
}

struct Look<'s> {
    schemas: &'s Schemas,
    left: usize,
}

impl Look<'_> {
    fn shape(&mut self, schema: &Value, depth: usize) -> Shape {
        let mut shape = ANYTHING.clone();
        let Some(object) = schema.as_object() else { return shape };
        if depth > DEPTH_MAX || self.left == 0 {
            return shape;
        }
        self.left -= 1;
        shape.types = own_types(schema);
        let inner = depth + 1;
        if let Some(items) = object.get("items").filter(|items| items.is_object()) {
            shape.items = Some(Box::new(self.shape(items, inner)));
        }
        for item in object.get("prefixItems").and_then(Value::as_array).into_iter().flatten() {
            let element = self.shape(item, inner);
            shape.prefix.push(element);
        }
        for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let member = self.shape(property, inner);
            shape.properties.insert(name.clone(), member);
        }
        let patterns = object.get("patternProperties").and_then(Value::as_object);
        let patterns = patterns.into_iter().flat_map(|patterns| patterns.values());
        let others = object.get("additionalProperties").filter(|others| *others != &Value::Bool(false));
        for other in patterns.chain(others) {
            let member = self.shape(other, inner);
            match &mut shape.others {
                Some(others) => others.merge(member, Types::or),
                None => shape.others = Some(Box::new(member)),
            }
        }
        if let Some(referred) = object.get("$ref").and_then(Value::as_str).and_then(|name| self.referred(name)) {
            let referred = self.shape(&referred, inner);
            shape.merge(referred, Types::and);
        }
        for all in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            let all = self.shape(all, inner);
            shape.merge(all, Types::and);
        }
        for keyword in ["anyOf", "oneOf"] {
            let alternatives = object.get(keyword).and_then(Value::as_array).into_iter().flatten();
            let shapes: Vec<Shape> = alternatives.map(|one| self.shape(one, inner)).collect();
            let any = shapes.into_iter().reduce(|mut any, one| {
                any.merge(one, Types::or);
                any
            });
            if let Some(any) = any {
                shape.merge(any, Types::and);
            }
        }
        shape
    }

    /// The schema that a reference leads to.
    fn referred(&self, reference: &str) -> Option<Value> {
        let name = reference.strip_prefix("#/schemas/")?;
        let name = super::text::decoded(name, super::text::Escapes::Percent)?;
        self.schemas.get(&name.replace("~1", "/").replace("~0", "~")).cloned()
    }
}

/// The types that a schema itself tells, by `type`, `const` or `enum`; any where it tells none.
fn own_types(schema: &Value) -> Types {
    let union = |types: &mut dyn Iterator<Item = Types>| types.fold(Types::NONE, Types::or);
    let told = match schema.get("type") {
        Some(Value::String(name)) => Types::named(name),
        Some(Value::Array(names)) => union(&mut names.iter().filter_map(Value::as_str).map(Types::named)),
        _ => Types::ANY,
    };
    let listed = match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => Types::of(value),
        (None, Some(Value::Array(values))) => union(&mut values.iter().map(Types::of)),
        (None, _) => Types::ANY,
    };
    told.and(listed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn types(schema: Value) -> Types {
        let schemas = json!({
            "Id": {"type": "integer"}, "Loop": {"$ref": "#/schemas/Loop"}, "a/b": {"type": "boolean"},
            "Tree": {"type": "object", "properties": {"left": {"$ref": "#/schemas/Tree"}}},
        });
        let schemas: BTreeMap<String, Value> = serde_json::from_value(schemas).expect("schemas");
        Shape::of(Some(&schema), &schemas.into()).types
    }

    #[test]
    fn types_come_through_references_and_combinations() {
        for (schema, want) in [
            (json!({"type": "integer"}), Types::INTEGER),
            (json!({"type": ["string", "null"]}), Types::STRING.or(Types::NULL)),
            (json!({"$ref": "#/schemas/Id"}), Types::INTEGER),
            (json!({"$ref": "#/schemas/a~1b"}), Types::BOOLEAN),
            (json!({"type": "number", "allOf": [{"$ref": "#/schemas/Id"}]}), Types::INTEGER),
            (json!({"anyOf": [{"type": "string"}, {"$ref": "#/schemas/Id"}]}), Types::STRING.or(Types::INTEGER)),
            (json!({"oneOf": [{"const": 1}, {"const": 1.5}]}), Types::NUMBER),
            (json!({"enum": ["a", null]}), Types::STRING.or(Types::NULL)),
            (json!({"properties": {"a": {}}}), Types::OBJECT),
            (json!({"items": {"type": "integer"}}), Types::ARRAY),
            (json!({"$ref": "#/schemas/Loop"}), Types::ANY),
            (json!({"$ref": "#/schemas/Tree"}), Types::OBJECT),
            (json!({}), Types::ANY),
            (json!(true), Types::ANY),
            (json!({"type": "string", "enum": [1]}), Types::NONE),
        ] {
            assert_eq!(types(schema.clone()), want, "{schema}");
        }
    }

    #[test]
    fn schemas_that_multiply_end() {
        let double = |name: &str| json!({"allOf": [{"$ref": name}, {"$ref": name}], "anyOf": [{"$ref": name}]});
        let schemas: BTreeMap<String, Value> =
            (0..40).map(|at| (format!("s{at}"), double(&format!("#/schemas/s{}", at + 1)))).collect();
        let _ = Shape::of(Some(&json!({"$ref": "#/schemas/s0"})), &schemas.into());
    }
}
