//! The keywords of a schema, each with what its value may be (JSON Schema 2020-12).

use serde_json::{Map, Value};

use super::compile::Compiler;
use super::decimal::Decimal;
use super::format::Format;
use super::node::{ArrayRule, Contains, Dependent, Member, NodeId, NumberRule, ObjectRule, Rule, TextRule, Values};
use super::words;

type Schema = Map<String, Value>;

impl Compiler<'_> {
    /// `enum` and `const`.
    pub(super) fn values(&mut self, schema: &Schema) -> Vec<Rule> {
        let mut rules = Vec::new();
        if let Some(values) = schema.get("enum") {
            match values.as_array() {
                Some(values) => rules.push(Rule::Values(Box::new(accepted(values)))),
                None => self.at("enum", |compiler| compiler.problem("not a list", "write the values as a list")),
            }
        }
        if let Some(value) = schema.get("const") {
            rules.push(Rule::Values(Box::new(accepted(std::slice::from_ref(value)))));
        }
        rules
    }

    pub(super) fn number_rule(&mut self, schema: &Schema) -> Option<Rule> {
        let rule = NumberRule {
            least: self.number(schema, "minimum"),
            most: self.number(schema, "maximum"),
            above: self.number(schema, "exclusiveMinimum"),
            below: self.number(schema, "exclusiveMaximum"),
            multiple_of: self.divisor(schema),
            format: format(schema)
                .filter(|format| matches!(format, Format::Int32 | Format::Int64 | Format::Float | Format::Double)),
        };
        let NumberRule { least, most, above, below, multiple_of, format } = &rule;
        let is_any = [least, most, above, below, multiple_of].into_iter().any(Option::is_some) || format.is_some();
        is_any.then(|| Rule::Number(Box::new(rule)))
    }

    pub(super) fn text_rule(&mut self, schema: &Schema) -> Option<Rule> {
        let rule = TextRule {
            least: self.count(schema, "minLength"),
            most: self.count(schema, "maxLength"),
            pattern: schema.get("pattern").and_then(|pattern| {
                self.at("pattern", |compiler| match pattern.as_str() {
                    Some(pattern) => compiler.pattern(pattern),
                    None => {
                        compiler.problem("not a pattern", "write it as text");
                        None
                    }
                })
            }),
            format: format(schema)
                .filter(|format| matches!(format, Format::Judged(_) | Format::Byte | Format::Decimal)),
        };
        let is_any = rule.least.is_some() || rule.most.is_some() || rule.pattern.is_some() || rule.format.is_some();
        is_any.then(|| Rule::Text(Box::new(rule)))
    }

    pub(super) fn array_rule(&mut self, schema: &Schema) -> Option<Rule> {
        let contains = schema.get("contains").map(|inner| self.inner("contains", inner));
        let rule = ArrayRule {
            prefix: self.list(schema, "prefixItems", false),
            elements: schema.get("items").map(|inner| self.inner("items", inner)),
            contains: contains.map(|node| Contains {
                node,
                least: self.count(schema, "minContains").unwrap_or(1),
                most: self.count(schema, "maxContains"),
            }),
            least: self.count(schema, "minItems"),
            most: self.count(schema, "maxItems"),
            is_unique: schema.get("uniqueItems").and_then(Value::as_bool).unwrap_or(false),
        };
        let is_any = !rule.prefix.is_empty()
            || rule.elements.is_some()
            || rule.contains.is_some()
            || rule.least.is_some()
            || rule.most.is_some()
            || rule.is_unique;
        is_any.then(|| Rule::Array(Box::new(rule)))
    }

    pub(super) fn object_rule(&mut self, schema: &Schema) -> Option<Rule> {
        let required = self.names(schema, "required");
        let mut members: Vec<Member> = Vec::new();
        for (name, inner) in self.mapping(schema, "properties") {
            let node = Some(self.at("properties", |compiler| compiler.inner(name, inner)));
            members.push(Member { name: name.as_str().into(), node, required: None });
        }
        members.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        for (place, name) in required.iter().enumerate() {
            match members.binary_search_by(|member| member.name.cmp(name)) {
                Ok(at) => members.get_mut(at).into_iter().for_each(|member| member.required = Some(place)),
                Err(at) => members.insert(at, Member { name: name.clone(), node: None, required: Some(place) }),
            }
        }
        let mut patterns = Vec::new();
        for (pattern, inner) in self.mapping(schema, "patternProperties") {
            let (compiled, node) = self.at("patternProperties", |compiler| {
                (compiler.at(pattern, |compiler| compiler.pattern(pattern)), compiler.inner(pattern, inner))
            });
            patterns.extend(compiled.map(|compiled| (compiled, node)));
        }
        let rule = ObjectRule {
            members: members.into_boxed_slice(),
            patterns: patterns.into_boxed_slice(),
            others: schema.get("additionalProperties").map(|inner| self.inner("additionalProperties", inner)),
            names: schema.get("propertyNames").map(|inner| self.inner("propertyNames", inner)),
            required: required.len(),
            least: self.count(schema, "minProperties"),
            most: self.count(schema, "maxProperties"),
            dependents: self.dependents(schema),
        };
        let is_any = !rule.members.is_empty()
            || !rule.patterns.is_empty()
            || rule.others.is_some()
            || rule.names.is_some()
            || rule.least.is_some()
            || rule.most.is_some()
            || !rule.dependents.is_empty();
        is_any.then(|| Rule::Object(Box::new(rule)))
    }

    fn dependents(&mut self, schema: &Schema) -> Box<[Dependent]> {
        let mut dependents = Vec::new();
        for (name, _) in self.mapping(schema, "dependentRequired") {
            let inner = schema.get("dependentRequired").and_then(Value::as_object);
            let required = self
                .at("dependentRequired", |compiler| inner.map(|inner| compiler.names(inner, name)).unwrap_or_default());
            dependents.push(Dependent {
                name: name.as_str().into(),
                required: required.into_boxed_slice(),
                node: None,
            });
        }
        for (name, inner) in self.mapping(schema, "dependentSchemas") {
            let node = Some(self.at("dependentSchemas", |compiler| compiler.same(name, inner)));
            dependents.push(Dependent { name: name.as_str().into(), required: Box::default(), node });
        }
        dependents.into_boxed_slice()
    }

    /// The keywords that are made of other schemas for the same value.
    pub(super) fn combined(&mut self, schema: &Schema) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (name, rule) in
            [("allOf", Rule::All as fn(Box<[NodeId]>) -> Rule), ("anyOf", Rule::Any), ("oneOf", Rule::One)]
        {
            if schema.contains_key(name) {
                rules.push(rule(self.list(schema, name, true)));
            }
        }
        rules.extend(schema.get("not").map(|inner| Rule::Not(self.same("not", inner))));
        if let Some(test) = schema.get("if") {
            rules.push(Rule::If {
                test: self.same("if", test),
                then: schema.get("then").map(|inner| self.same("then", inner)),
                otherwise: schema.get("else").map(|inner| self.same("else", inner)),
            });
        }
        let members = schema.get("unevaluatedProperties").map(|inner| self.inner("unevaluatedProperties", inner));
        let elements = schema.get("unevaluatedItems").map(|inner| self.inner("unevaluatedItems", inner));
        if members.is_some() || elements.is_some() {
            rules.push(Rule::Unevaluated { members, elements });
        }
        rules
    }

    fn list(&mut self, schema: &Schema, name: &str, is_same: bool) -> Box<[NodeId]> {
        let Some(value) = schema.get(name) else { return Box::default() };
        self.at(name, |compiler| match value.as_array() {
            Some(list) if !list.is_empty() || !is_same => list
                .iter()
                .enumerate()
                .map(|(at, inner)| {
                    let at = at.to_string();
                    if is_same { compiler.same(&at, inner) } else { compiler.inner(&at, inner) }
                })
                .collect(),
            _ => {
                compiler.problem("not a list of schemas", "write at least one, as a list");
                Box::default()
            }
        })
    }

    fn mapping<'s>(&mut self, schema: &'s Schema, name: &str) -> Vec<(&'s String, &'s Value)> {
        match schema.get(name) {
            None => Vec::new(),
            Some(Value::Object(members)) => members.iter().collect(),
            Some(_) => {
                self.at(name, |compiler| compiler.problem("not a mapping", "write names with their values under it"));
                Vec::new()
            }
        }
    }

    fn names(&mut self, schema: &Schema, name: &str) -> Vec<Box<str>> {
        let Some(value) = schema.get(name) else { return Vec::new() };
        let texts = value.as_array().and_then(|list| list.iter().map(|one| one.as_str().map(Box::from)).collect());
        let mut names: Vec<Box<str>> = texts.unwrap_or_else(|| {
            self.at(name, |compiler| compiler.problem("not a list of names", "write the names as a list of texts"));
            Vec::new()
        });
        let mut known = std::collections::HashSet::new();
        names.retain(|name| known.insert(name.clone()));
        names
    }

    fn count(&mut self, schema: &Schema, name: &str) -> Option<u64> {
        let value = schema.get(name)?;
        // 2.0 is as good as 2; what is beyond 64 bits is beyond every body.
        let number = value.as_number().map(|number| Decimal::parse(&number.to_string()));
        match number {
            Some(number) if number.is_integer() && !number.is_negative() => Some(number.to_u64().unwrap_or(u64::MAX)),
            _ => {
                self.at(name, |compiler| compiler.problem("not a count", "write a whole number of 0 or more"));
                None
            }
        }
    }

    fn number(&mut self, schema: &Schema, name: &str) -> Option<Decimal> {
        let value = schema.get(name)?;
        let number = value.as_number().map(|number| Decimal::parse(&number.to_string()));
        if number.is_none() {
            let mend = if value.is_boolean() {
                "write the bound itself, as JSON Schema 2020-12 has it"
            } else {
                "write a number"
            };
            self.at(name, |compiler| compiler.problem("not a number", mend));
        }
        number
    }

    fn divisor(&mut self, schema: &Schema) -> Option<Decimal> {
        let number = self.number(schema, "multipleOf")?;
        if !number.is_divisor() {
            let mend = "write a number above 0 of at most 18 digits";
            self.at("multipleOf", |compiler| compiler.problem("not a divisor", mend));
            return None;
        }
        Some(number)
    }
}

fn format(schema: &Schema) -> Option<Format> {
    Format::named(schema.get("format")?.as_str()?)
}

fn accepted(values: &[Value]) -> Values {
    let mut texts: Vec<Box<str>> = values.iter().filter_map(|value| value.as_str().map(Box::from)).collect();
    texts.sort_unstable();
    texts.dedup();
    let others = values.iter().filter(|value| !value.is_string()).cloned().collect();
    Values { texts: texts.into_boxed_slice(), others, words: words::choices(values).into() }
}
