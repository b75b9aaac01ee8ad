//! Schemas that lead to themselves without a step into the value: comparing anything with them would never end.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// So many circles are cut; a document with more is refused.
const CIRCLES_MAX: usize = 1_000;

/// Keywords whose schemas look at the same value, each by itself.
const ONE: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords with lists of such schemas.
const SEVERAL: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// A circle that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Circle {
    /// The schemas on it, the one that was cut first.
    pub(super) names: Vec<String>,
    /// The keyword that went.
    pub(super) keyword: String,
}

/// A step from a schema to another that looks at the same value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    to: String,
    /// The outermost keyword on the way.
    keyword: &'static str,
}

/// Cuts every circle, where a composition closes it.
///
/// # Errors
/// The names of schemas that are nothing but references to each other.
pub(super) fn cut(schemas: &mut BTreeMap<String, Value>) -> Result<Vec<Circle>, Vec<String>> {
    let mut steps: BTreeMap<String, Vec<Step>> =
        schemas.iter().map(|(name, schema)| (name.clone(), steps_of(schema))).collect();
    let mut cut = Vec::new();
    while let Some(circle) = find(&steps) {
        let keyword = |name: &str, next: &str| {
            let step = steps.get(name)?.iter().find(|step| step.to == next)?;
            Some(step.keyword)
        };
        let names = circle.iter().map(String::as_str);
        let nexts = names.clone().skip(1).chain(names.clone().take(1));
        let edges: Vec<(&str, &str, &str)> =
            names.zip(nexts).filter_map(|(name, next)| Some((name, next, keyword(name, next)?))).collect();
        // What only adds to a schema can go without refusing what it allows.
        let rank = |keyword: &str| match keyword {
            "allOf" => 0,
            "$ref" => 3,
            "anyOf" | "oneOf" => 1,
            _ => 2,
        };
        let all_references = edges.iter().all(|(_, _, keyword)| *keyword == "$ref");
        let best = edges.iter().enumerate().min_by_key(|(_, (_, _, keyword))| rank(keyword));
        let Some((at, (name, next, keyword))) = best.filter(|_| !all_references && cut.len() < CIRCLES_MAX) else {
            return Err(circle);
        };
        let (name, next, keyword) = ((*name).to_owned(), (*next).to_owned(), (*keyword).to_owned());
        let mut names = circle.clone();
        names.rotate_left(at);
        if let Some(schema) = schemas.get_mut(&name) {
            remove(schema, &keyword, &next);
            steps.insert(name.clone(), steps_of(schema));
        }
        cut.push(Circle { names, keyword });
    }
    Ok(cut)
}

/// Takes what leads to `next` out of a schema: an element of `allOf`, else the keyword.
fn remove(schema: &mut Value, keyword: &str, next: &str) {
    let Some(members) = schema.as_object_mut() else { return };
    let Some(Value::Array(all)) = members.get_mut(keyword).filter(|_| keyword == "allOf") else {
        members.shift_remove(keyword);
        return;
    };
    all.retain(|one| !steps_of(one).iter().any(|step| step.to == next));
    if all.is_empty() {
        members.shift_remove(keyword);
    }
}

/// The steps of a schema that stay at the same value.
fn steps_of(schema: &Value) -> Vec<Step> {
    let mut found = Vec::new();
    // Compositions within compositions, without recursion.
    let mut waiting: Vec<(&Value, Option<&'static str>)> = vec![(schema, None)];
    while let Some((schema, through)) = waiting.pop() {
        let Some(members) = schema.as_object() else { continue };
        let reference = members.get("$ref").and_then(Value::as_str);
        if let Some(to) = reference.and_then(|reference| reference.strip_prefix("#/schemas/")) {
            found.push(Step { to: to.to_owned(), keyword: through.unwrap_or("$ref") });
        }
        for keyword in ONE {
            waiting.extend(members.get(keyword).map(|inner| (inner, Some(through.unwrap_or(keyword)))));
        }
        for keyword in SEVERAL {
            let inner = members.get(keyword).and_then(Value::as_array).into_iter().flatten();
            waiting.extend(inner.map(|inner| (inner, Some(through.unwrap_or(keyword)))));
        }
        let inner = members.get("dependentSchemas").and_then(Value::as_object).into_iter().flatten();
        waiting.extend(inner.map(|(_, inner)| (inner, Some(through.unwrap_or("dependentSchemas")))));
    }
    found
}

/// The names on a circle, if there is one. Without recursion: a chain may be as long as the document.
fn find(steps: &BTreeMap<String, Vec<Step>>) -> Option<Vec<String>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        OnTheWay,
        Done,
    }
    let mut marks: HashMap<&str, Mark> = HashMap::new();
    for start in steps.keys() {
        if marks.contains_key(start.as_str()) {
            continue;
        }
        let mut way: Vec<(&str, usize)> = vec![(start, 0)];
        marks.insert(start, Mark::OnTheWay);
        while let Some((name, at)) = way.last_mut() {
            let next = steps.get(*name).and_then(|steps| steps.get(*at));
            *at += 1;
            let Some(next) = next else {
                marks.insert(name, Mark::Done);
                way.pop();
                continue;
            };
            match marks.get(next.to.as_str()) {
                Some(Mark::Done) => {}
                Some(Mark::OnTheWay) => {
                    let from = way.iter().position(|(name, _)| *name == next.to).unwrap_or_default();
                    return Some(way.iter().skip(from).map(|(name, _)| (*name).to_owned()).collect());
                }
                None => {
                    marks.insert(&next.to, Mark::OnTheWay);
                    way.push((&next.to, 0));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schemas(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).expect("a mapping")
    }

    #[test]
    fn references_to_each_other_are_refused_by_name() {
        let refer = |name: &str| json!({"$ref": format!("#/schemas/{name}")});
        let mut circle = schemas(json!({"A": refer("B"), "B": refer("C"), "C": refer("B"), "D": refer("D2")}));
        assert_eq!(cut(&mut circle), Err(vec!["B".to_owned(), "C".to_owned()]));
        let mut itself = schemas(json!({"A": refer("A")}));
        assert_eq!(cut(&mut itself), Err(vec!["A".to_owned()]));
    }

    #[test]
    fn a_step_into_the_value_is_no_circle() {
        let mut tree = schemas(json!({
            "Tree": {"properties": {"children": {"items": {"$ref": "#/schemas/Tree"}}}, "allOf": [{"$ref": "#/schemas/Base"}]},
            "Base": {"additionalProperties": {"$ref": "#/schemas/Tree"}},
        }));
        let before = tree.clone();
        assert_eq!(cut(&mut tree), Ok(Vec::new()));
        assert_eq!(tree, before);
    }

    #[test]
    fn a_circle_of_compositions_is_cut_where_it_adds() {
        let mut pets = schemas(json!({
            "Cat": {"allOf": [{"$ref": "#/schemas/Pet"}, {"required": ["lives"]}]},
            "Pet": {"oneOf": [{"$ref": "#/schemas/Cat"}, {"type": "null"}]},
        }));
        let circles = cut(&mut pets).expect("cut");
        assert_eq!(circles, [Circle { names: vec!["Cat".into(), "Pet".into()], keyword: "allOf".into() }]);
        assert_eq!(pets["Cat"], json!({"allOf": [{"required": ["lives"]}]}));
        let mut choice = schemas(json!({"A": {"anyOf": [{"$ref": "#/schemas/A"}, {"type": "null"}], "minLength": 1}}));
        assert_eq!(cut(&mut choice).map(|circles| circles.len()), Ok(1));
        assert_eq!(choice["A"], json!({"minLength": 1}));
    }

    #[test]
    fn a_chain_of_any_length_is_walked() {
        let mut chain: BTreeMap<String, Value> =
            (0..50_000).map(|at| (format!("s{at}"), json!({"$ref": format!("#/schemas/s{}", at + 1)}))).collect();
        assert_eq!(cut(&mut chain), Ok(Vec::new()));
    }
}
