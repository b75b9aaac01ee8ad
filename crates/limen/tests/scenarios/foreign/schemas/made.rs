//! Schemas and values that are made up from a seed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// A schema with those that it refers to.
pub(super) struct Made {
    pub(super) schema: Value,
    pub(super) schemas: BTreeMap<String, Value>,
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "a/b", "é~"];
const TEXTS: [&str; 12] =
    ["", "a", "b", "ab", "abc", "x", "héé", "2024-02-29", "2023-02-29", "192.0.2.1", "::1", "0123"];
/// Numbers, some of which no float holds; as texts in a value they stand for themselves.
const NUMBERS: [&str; 18] = [
    "0",
    "-0",
    "1",
    "1.0",
    "2",
    "3",
    "-1",
    "0.5",
    "1.5",
    "0.07",
    "0.1",
    "10",
    "1e2",
    "1e400",
    "-1e400",
    "1e-400",
    "123456789012345678901234567890",
    "9007199254740993",
];
const MARK: &str = "number ";

/// A schema that is made up, and three others.
pub(super) fn schema(random: &mut Random) -> Made {
    let names = ["One", "Two", "Three"];
    let inner = |random: &mut Random, at: usize| object(random, 2, &names[at + 1..]);
    let schemas = names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), inner(random, at))).collect();
    Made { schema: object(random, 3, &names), schemas }
}

/// A schema; in place it refers only to `names`, so that no loop comes of it.
fn object(random: &mut Random, depth: usize, names: &[&str]) -> Value {
    let mut schema = Map::new();
    if !random.one_in(4) {
        let kinds = ["object", "array", "string", "integer", "number", "boolean", "null"];
        let kind = *random.pick(if depth > 0 { &kinds } else { &kinds[2..] });
        let also = *random.pick(&kinds);
        schema.insert("type".into(), if random.one_in(6) && also != kind { json!([kind, also]) } else { json!(kind) });
    }
    let of_kind = schema.get("type").map_or("", |kind| kind.as_str().unwrap_or("")).to_owned();
    match of_kind.as_str() {
        "object" => of_object(random, &mut schema, depth, names),
        "array" => of_array(random, &mut schema, depth, names),
        "string" => of_text(random, &mut schema),
        "integer" | "number" => of_number(random, &mut schema),
        _ if random.one_in(2) && depth > 0 => {
            of_object(random, &mut schema, depth, names);
            of_array(random, &mut schema, depth, names);
        }
        _ => {
            of_text(random, &mut schema);
            of_number(random, &mut schema);
        }
    }
    if depth > 0 && random.one_in(3) {
        combined(random, &mut schema, depth, names);
    }
    if random.one_in(10) {
        schema.insert("enum".into(), json!([1, "a", null, [1, "b"], {"a": 1}, 0.5, false]));
    }
    if random.one_in(20) {
        schema.insert("const".into(), scalar(random));
    }
    Value::Object(schema)
}

/// A schema, or `true` or `false`; below a step into the value, which may refer to anything.
fn below(random: &mut Random, depth: usize) -> Value {
    match random.below(12) {
        0 => json!(true),
        1 if depth > 0 => json!(false),
        2 | 3 => json!({"$ref": format!("#/schemas/{}", random.pick(&["One", "Two", "Three"]))}),
        _ => object(random, depth.saturating_sub(1), &["One", "Two", "Three"]),
    }
}

fn of_text(random: &mut Random, schema: &mut Map<String, Value>) {
    match random.below(6) {
        0 => schema.insert("minLength".into(), json!(random.below(3))),
        1 => schema.insert("maxLength".into(), json!(random.below(4))),
        2 => schema.insert("pattern".into(), json!(random.pick(&["^[a-c]{1,2}$", "b", "^[0-9]+$", "é", "^(a|ab)+$"]))),
        3 => schema.insert("format".into(), json!(random.pick(&["date", "ipv4", "ipv6", "uuid"]))),
        4 => schema.insert("enum".into(), json!(["a", "b", "ab"])),
        _ => None,
    };
}

fn of_number(random: &mut Random, schema: &mut Map<String, Value>) {
    match random.below(6) {
        0 => schema.insert("minimum".into(), json!(random.pick(&[0.0, 1.0, 0.5, 1e30]))),
        1 => schema.insert("maximum".into(), json!(random.pick(&[1, 2, 100]))),
        2 => schema.insert("exclusiveMinimum".into(), json!(random.pick(&[0, 1]))),
        3 => schema.insert("exclusiveMaximum".into(), json!(random.pick(&[1.5, 3.0]))),
        4 => schema.insert("multipleOf".into(), json!(random.pick(&[0.01, 2.0, 0.5, 3.0, 7.0]))),
        _ => None,
    };
}

fn of_array(random: &mut Random, schema: &mut Map<String, Value>, depth: usize, _: &[&str]) {
    if random.one_in(2) {
        schema.insert("items".into(), below(random, depth));
    }
    if random.one_in(4) {
        schema.insert("prefixItems".into(), json!([below(random, depth), below(random, depth)]));
    }
    match random.below(6) {
        0 => schema.insert("minItems".into(), json!(random.below(3))),
        1 => schema.insert("maxItems".into(), json!(1 + random.below(3))),
        2 => schema.insert("uniqueItems".into(), json!(true)),
        3 => {
            if random.one_in(2) {
                schema.insert("minContains".into(), json!(random.below(3)));
            }
            if random.one_in(3) {
                schema.insert("maxContains".into(), json!(1 + random.below(2)));
            }
            schema.insert("contains".into(), below(random, depth))
        }
        4 if random.one_in(2) => schema.insert("unevaluatedItems".into(), below(random, depth)),
        _ => None,
    };
}

fn of_object(random: &mut Random, schema: &mut Map<String, Value>, depth: usize, names: &[&str]) {
    let properties: Map<String, Value> =
        (0..random.below(4)).map(|_| ((*random.pick(&NAMES)).to_owned(), below(random, depth))).collect();
    schema.insert("properties".into(), Value::Object(properties));
    if random.one_in(2) {
        let mut required = vec![*random.pick(&NAMES), *random.pick(&NAMES)];
        required.dedup();
        schema.insert("required".into(), json!(required));
    }
    match random.below(9) {
        0 => schema.insert("additionalProperties".into(), json!(false)),
        1 => schema.insert("additionalProperties".into(), below(random, depth)),
        2 => schema.insert("patternProperties".into(), json!({"^[ab]": below(random, depth)})),
        3 => schema.insert("propertyNames".into(), json!({"maxLength": 1})),
        4 => schema.insert("minProperties".into(), json!(random.below(3))),
        5 => schema.insert("maxProperties".into(), json!(1 + random.below(3))),
        6 => schema.insert("dependentRequired".into(), json!({"a": ["b"], "c": ["d", "a"]})),
        7 => schema.insert("dependentSchemas".into(), json!({"a": object(random, depth.saturating_sub(1), names)})),
        _ => schema.insert("unevaluatedProperties".into(), below(random, depth)),
    };
}

fn combined(random: &mut Random, schema: &mut Map<String, Value>, depth: usize, names: &[&str]) {
    let one = |random: &mut Random| object(random, depth - 1, names);
    match random.below(6) {
        0 => schema.insert("allOf".into(), json!([one(random), one(random)])),
        1 => schema.insert("anyOf".into(), json!([one(random), one(random), one(random)])),
        2 => schema.insert("oneOf".into(), json!([one(random), one(random)])),
        3 => schema.insert("not".into(), one(random)),
        4 => {
            schema.insert("if".into(), one(random));
            schema.insert("then".into(), one(random));
            schema.insert("else".into(), one(random))
        }
        _ => match names {
            [] => None,
            names => schema.insert("$ref".into(), json!(format!("#/schemas/{}", random.pick(names)))),
        },
    };
}

fn scalar(random: &mut Random) -> Value {
    match random.below(5) {
        0 => Value::Null,
        1 => json!(random.one_in(2)),
        2 | 3 => json!(random.pick(&TEXTS)),
        _ => json!(random.pick(&[0.0, 1.0, 2.0, 0.5, -1.0])),
    }
}

/// The text of a value that may fit: made along the schema, with a slip of the hand now and then.
pub(super) fn text(random: &mut Random, schema: &Value, schemas: &BTreeMap<String, Value>) -> String {
    let value = value(random, schema, schemas, 0);
    let value = if random.one_in(3) { changed_value(random, &value) } else { value };
    written(&value)
}

fn value(random: &mut Random, schema: &Value, schemas: &BTreeMap<String, Value>, depth: usize) -> Value {
    let Some(members) = schema.as_object() else { return scalar(random) };
    if let Some(known) = members.get("const") {
        return known.clone();
    }
    if let Some(list) = members.get("enum").and_then(Value::as_array) {
        return random.pick(list).clone();
    }
    if depth > 5 {
        return scalar(random);
    }
    if let Some(to) = members.get("$ref").and_then(Value::as_str)
        && random.one_in(2)
    {
        return value(random, &schemas[to.trim_start_matches("#/schemas/")], schemas, depth + 1);
    }
    for list in ["anyOf", "oneOf", "allOf"] {
        if let Some(list) = members.get(list).and_then(Value::as_array)
            && random.one_in(2)
        {
            let one = random.pick(list);
            return value(random, one, schemas, depth + 1);
        }
    }
    let kinds = match members.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec!["object", "array", "string", "number", "null"],
    };
    let any = json!({});
    let inner = |name: &str| members.get(name).unwrap_or(&any);
    match *random.pick(&kinds) {
        "object" => {
            let mut made = Map::new();
            let properties = inner("properties").as_object();
            let required = inner("required").as_array();
            for name in required.into_iter().flatten().filter_map(Value::as_str) {
                made.insert(name.to_owned(), scalar(random));
            }
            for (name, schema) in properties.into_iter().flatten() {
                if made.contains_key(name) || random.one_in(2) {
                    made.insert(name.clone(), value(random, schema, schemas, depth + 1));
                }
            }
            if random.one_in(4) {
                made.insert((*random.pick(&NAMES)).to_owned(), scalar(random));
            }
            Value::Object(made)
        }
        "array" => {
            let prefix = inner("prefixItems").as_array().cloned().unwrap_or_default();
            let count = random.below(4);
            let element = |at: usize| prefix.get(at).unwrap_or(inner("items"));
            Value::Array((0..count).map(|at| value(random, element(at), schemas, depth + 1)).collect())
        }
        "string" => json!(random.pick(&TEXTS)),
        "integer" | "number" => json!(format!("{MARK}{}", random.pick(&NUMBERS))),
        "boolean" => json!(random.one_in(2)),
        _ => Value::Null,
    }
}

/// The text of a value with something in it changed.
pub(super) fn changed(random: &mut Random, value: &Value) -> String {
    written(&changed_value(random, value))
}

fn changed_value(random: &mut Random, value: &Value) -> Value {
    match value {
        Value::Object(members) if !members.is_empty() && !random.one_in(5) => {
            let mut members = members.clone();
            let name = members.keys().nth(random.below(members.len())).cloned().unwrap_or_default();
            match random.below(5) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert((*random.pick(&NAMES)).to_owned(), scalar(random))),
                _ => {
                    let inner = changed_value(random, &members[&name]);
                    members.insert(name, inner);
                }
            }
            Value::Object(members)
        }
        Value::Array(list) if !list.is_empty() && !random.one_in(5) => {
            let mut list = list.clone();
            let at = random.below(list.len());
            match random.below(5) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                _ => list[at] = changed_value(random, &list[at]),
            }
            Value::Array(list)
        }
        _ => match random.below(6) {
            0 | 1 => json!(format!("{MARK}{}", random.pick(&NUMBERS))),
            2 => json!([scalar(random), scalar(random)]),
            3 => json!({"a": scalar(random)}),
            _ => scalar(random),
        },
    }
}

/// As text, with the numbers that no [`Value`] holds.
fn written(value: &Value) -> String {
    let mut text = value.to_string();
    for number in NUMBERS {
        text = text.replace(&format!("\"{MARK}{number}\""), number);
    }
    text
}

/// Schemas like those that people write, each with values that fit.
pub(super) fn realistic() -> Vec<(Value, BTreeMap<String, Value>, Vec<Value>)> {
    let schemas = |value: Value| serde_json::from_value(value).expect("schemas");
    vec![
        (
            json!({"$ref": "#/schemas/Constituent"}),
            schemas(json!({
                "Constituent": {"type": "object", "required": ["type", "last"], "additionalProperties": false,
                    "properties": {"type": {"enum": ["Individual", "Organization"]}, "first": {"type": "string", "maxLength": 50},
                        "last": {"type": "string", "minLength": 1}, "birthdate": {"$ref": "#/schemas/FuzzyDate"},
                        "gives_anonymously": {"type": "boolean"},
                        "address": {"type": ["object", "null"], "required": ["country"],
                            "properties": {"country": {"type": "string", "pattern": "^[A-Z]{2}$"}, "lines": {"type": "array", "items": {"type": "string"}, "maxItems": 3}}}}},
                "FuzzyDate": {"type": "object", "required": ["y"], "properties": {
                    "y": {"type": ["integer", "null"], "minimum": 1, "maximum": 9999},
                    "m": {"type": ["integer", "null"], "minimum": 1, "maximum": 12},
                    "d": {"type": ["integer", "null"], "minimum": 1, "maximum": 31}}, "dependentRequired": {"d": ["m"]}}})),
            vec![
                json!({"type": "Individual", "first": "Eva", "last": "Ray", "birthdate": {"y": 2001, "m": 5, "d": null}, "gives_anonymously": false}),
                json!({"type": "Organization", "last": "Guild", "address": {"country": "DE", "lines": ["1 Way", "2nd floor"]}}),
            ],
        ),
        (
            json!({"type": "object", "required": ["lines", "total"], "properties": {
                "lines": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"allOf": [{"$ref": "#/schemas/Line"}], "unevaluatedProperties": false}},
                "total": {"type": "number", "multipleOf": 0.01, "exclusiveMinimum": 0}, "placed": {"type": "string", "format": "date"}}}),
            schemas(json!({"Line": {"type": "object", "required": ["sku", "count"], "properties": {
                "sku": {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"}, "count": {"type": "integer", "minimum": 1}, "price": {"type": "number", "multipleOf": 0.01}}}})),
            vec![
                json!({"lines": [{"sku": "AB-1", "count": 2, "price": 9.99}, {"sku": "AB-2", "count": 1}], "total": 19.98, "placed": "2026-11-22"}),
            ],
        ),
        (
            json!({"oneOf": [{"$ref": "#/schemas/Cat"}, {"$ref": "#/schemas/Dog"}]}),
            schemas(json!({
                "Cat": {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer", "maximum": 9}}},
                "Dog": {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "dog"}, "friends": {"type": "array", "items": {"oneOf": [{"$ref": "#/schemas/Cat"}, {"$ref": "#/schemas/Dog"}]}}}}})),
            vec![
                json!({"kind": "dog", "friends": [{"kind": "cat", "lives": 7}, {"kind": "dog"}]}),
                json!({"kind": "cat", "lives": 9}),
            ],
        ),
        (
            json!({"$ref": "#/schemas/Tree"}),
            schemas(json!({"Tree": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"},
                "left": {"anyOf": [{"type": "null"}, {"$ref": "#/schemas/Tree"}]}, "right": {"anyOf": [{"type": "null"}, {"$ref": "#/schemas/Tree"}]}}, "additionalProperties": false}})),
            vec![
                json!({"name": "a", "left": {"name": "b", "left": null}, "right": {"name": "c", "right": {"name": "d"}}}),
            ],
        ),
        (
            json!({"type": "object", "properties": {"country": {"type": "string"}, "code": {"type": "string"}},
                "if": {"properties": {"country": {"const": "a"}}, "required": ["country"]},
                "then": {"properties": {"code": {"pattern": "^[0-9]{4}$"}}, "required": ["code"]}, "else": {"properties": {"code": {"maxLength": 2}}},
                "unevaluatedProperties": false}),
            schemas(json!({})),
            vec![json!({"country": "a", "code": "0123"}), json!({"country": "x", "code": "ab"})],
        ),
    ]
}
