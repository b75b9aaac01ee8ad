//! From a schema as JSON to its nodes; everything that can't be done is told with its pointer.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::SchemaProblem;
use super::library::Library;
use super::node::{Kinds, Node, NodeId, Rule, Unit};
use super::pattern::Pattern;
use super::pointer;

/// Schemas within schemas.
const DEPTH_MAX: usize = 64;
/// Problems that are told of one schema.
const PROBLEMS_MAX: usize = 100;

/// Keywords of references that depend on where a value was come from, or lead elsewhere.
const REFUSED: [&str; 5] = ["$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"];

/// Makes a schema's nodes.
#[derive(Debug)]
pub(super) struct Compiler<'c> {
    pub(super) library: &'c Library,
    nodes: Vec<Option<Node>>,
    refers_to: Vec<u32>,
    leads_to: Vec<u32>,
    problems: Vec<SchemaProblem>,
    pointer: String,
    depth: usize,
    /// Whether every step so far stays at the unit's own value.
    is_in_place: bool,
}

/// Makes a unit of a schema; `base` is what its pointers begin with.
pub(super) fn unit(schema: &Value, library: &Library, base: &str) -> Result<Unit, Vec<SchemaProblem>> {
    let mut compiler = Compiler {
        library,
        nodes: Vec::new(),
        refers_to: Vec::new(),
        leads_to: Vec::new(),
        problems: Vec::new(),
        pointer: base.to_owned(),
        depth: 0,
        is_in_place: true,
    };
    compiler.node(schema);
    if !compiler.problems.is_empty() {
        return Err(compiler.problems);
    }
    Ok(Unit {
        nodes: compiler.nodes.into_iter().map(Option::unwrap_or_default).collect(),
        refers_to: distinct(compiler.refers_to),
        leads_to: distinct(compiler.leads_to),
    })
}

fn distinct(mut numbers: Vec<u32>) -> Box<[u32]> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_boxed_slice()
}

impl Default for Node {
    fn default() -> Self {
        let rules = Box::new([Rule::Never]);
        Self { kinds: Kinds::ALL, is_read_only: false, is_write_only: false, is_secret: false, rules }
    }
}

impl Compiler<'_> {
    /// The number of a schema that was made ready; of one that can't be, that of one that accepts nothing.
    pub(super) fn node(&mut self, schema: &Value) -> NodeId {
        let id = self.nodes.len();
        self.nodes.push(None);
        if !self.library.may_grow() {
            self.problem("the API's schemas are too many", "describe less of it, or split the API");
            return 0;
        }
        if self.depth >= DEPTH_MAX {
            self.problem(
                &format!("schemas are nested deeper than {DEPTH_MAX} levels"),
                "give inner ones a name under schemas, and refer to them",
            );
            return 0;
        }
        self.depth += 1;
        let node = match schema {
            Value::Bool(true) => Some(Node { rules: Box::default(), ..Node::default() }),
            Value::Bool(false) => Some(Node::default()),
            Value::Object(members) => Some(self.object(members)),
            _ => {
                self.problem("not a schema", "write a mapping, true or false");
                None
            }
        };
        self.depth -= 1;
        if let Some(slot) = self.nodes.get_mut(id) {
            *slot = node;
        }
        id as NodeId
    }

    fn object(&mut self, schema: &Map<String, Value>) -> Node {
        for keyword in REFUSED {
            if schema.contains_key(keyword) {
                self.at(keyword, |compiler| {
                    compiler.problem(&format!("{keyword} is not supported"), "refer by $ref: '#/schemas/NAME'");
                });
            }
        }
        let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
        let kinds = schema.get("type").map_or(Kinds::ALL, |kinds| self.at("type", |compiler| compiler.kinds(kinds)));
        let mut rules = Vec::new();
        if let Some(reference) = schema.get("$ref")
            && let Some(number) = self.at("$ref", |compiler| compiler.reference(reference))
        {
            rules.push(Rule::Reference(number));
        }
        rules.extend(self.values(schema));
        rules.extend(self.number_rule(schema));
        rules.extend(self.text_rule(schema));
        rules.extend(self.array_rule(schema));
        rules.extend(self.object_rule(schema));
        rules.extend(self.combined(schema));
        let node = Node {
            kinds,
            is_read_only: flag("readOnly"),
            is_write_only: flag("writeOnly"),
            is_secret: schema.get("format").and_then(Value::as_str) == Some("password"),
            rules: rules.into_boxed_slice(),
        };
        if node.is_read_only || node.is_write_only || node.is_secret {
            self.library.mark();
        }
        node
    }

    fn kinds(&mut self, kinds: &Value) -> Kinds {
        let names: Vec<&Value> = kinds.as_array().map_or_else(|| vec![kinds], |list| list.iter().collect());
        let known: Option<Vec<_>> = names.iter().map(|name| Kinds::named(name.as_str()?)).collect();
        match known {
            Some(known) if !known.is_empty() => known.into_iter().fold(Kinds(0), Kinds::with),
            _ => {
                let mend = "use object, array, string, number, integer, boolean, null, or a list of them";
                self.problem("not a type", mend);
                Kinds::ALL
            }
        }
    }

    fn reference(&mut self, reference: &Value) -> Option<u32> {
        let name =
            reference.as_str().and_then(|reference| reference.strip_prefix("#/schemas/")).map(pointer::unescaped);
        let Some(number) = name.as_deref().and_then(|name| self.library.number(name)) else {
            let what = reference.as_str().unwrap_or("this");
            let problem = match name.as_deref() {
                Some(name) => format!("there is no schema {}", super::words::shown(name)),
                None => format!("{} is no reference to a schema of the API", super::words::shown(what)),
            };
            self.problem(&problem, "refer to one of the API's schemas, as '#/schemas/NAME'; nothing else is read");
            return None;
        };
        self.refers_to.push(number);
        if self.is_in_place {
            self.leads_to.push(number);
        }
        Some(number)
    }

    /// Within a member of the schema.
    pub(super) fn at<T>(&mut self, name: &str, inner: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.pointer.len();
        pointer::push(&mut self.pointer, name);
        let done = inner(self);
        self.pointer.truncate(before);
        done
    }

    /// A schema below, which is compared with the same value.
    pub(super) fn same(&mut self, name: &str, schema: &Value) -> NodeId {
        self.at(name, |compiler| compiler.node(schema))
    }

    /// A schema below, which is compared with something in the value.
    pub(super) fn inner(&mut self, name: &str, schema: &Value) -> NodeId {
        let before = std::mem::replace(&mut self.is_in_place, false);
        let id = self.same(name, schema);
        self.is_in_place = before;
        id
    }

    pub(super) fn pattern(&mut self, source: &str) -> Option<Arc<Pattern>> {
        match self.library.pattern(source) {
            Ok(pattern) => Some(pattern),
            Err(words) => {
                self.problem(&words, "write it without \\1, looking around at its beginning at most, or leave it out");
                None
            }
        }
    }

    pub(super) fn problem(&mut self, message: &str, mend: &str) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(SchemaProblem {
                field: String::new(),
                pointer: self.pointer.clone(),
                message: message.to_owned(),
                mend: mend.to_owned(),
            });
        }
    }
}
