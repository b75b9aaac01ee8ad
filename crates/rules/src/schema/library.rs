//! An API's schemas, each made ready once, when the first operation refers to it; all share their patterns.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::SchemaProblem;
use super::compile;
use super::node::Unit;
use super::pattern::Pattern;
use super::pointer;
use crate::model::Schemas;

/// Schemas within all schemas of an API and of its operations.
const NODES_MAX: usize = 400_000;
/// Different patterns of an API.
const PATTERNS_MAX: usize = 4_000;

type Ready<T, E> = OnceLock<Result<T, E>>;

/// Patterns by their text, each made ready once, or why it can't be.
type Patterns = HashMap<Box<str>, Result<Arc<Pattern>, String>>;

/// An API's schemas. They are named by their place in the order of names.
#[derive(Debug, Default)]
pub struct Library {
    schemas: Schemas,
    names: Vec<Arc<str>>,
    units: Vec<Ready<Unit, Vec<SchemaProblem>>>,
    /// Whether it is known that no loop of references begins there.
    is_sound: Vec<OnceLock<()>>,
    patterns: Mutex<Patterns>,
    nodes: AtomicUsize,
    has_marks: AtomicBool,
}

impl Library {
    /// Of these schemas, none of which is made ready yet.
    #[must_use]
    pub fn new(schemas: &Schemas) -> Arc<Self> {
        Arc::new(Self {
            names: schemas.keys().map(|name| name.as_str().into()).collect(),
            units: schemas.iter().map(|_| OnceLock::new()).collect(),
            is_sound: schemas.iter().map(|_| OnceLock::new()).collect(),
            schemas: Arc::clone(schemas),
            ..Self::default()
        })
    }

    /// Everything in the API's schemas that can't be made ready, referred to or not.
    #[must_use]
    pub fn problems(&self) -> Vec<SchemaProblem> {
        let all: Vec<u32> = (0..self.names.len() as u32).collect();
        let mut problems: Vec<_> =
            all.iter().filter_map(|number| self.ready(*number).err()).flatten().cloned().collect();
        if problems.is_empty() {
            problems.extend(self.check_loops(&all).err());
        }
        problems
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.names.binary_search_by(|known| (**known).cmp(name)).ok().map(|at| at as u32)
    }

    /// The unit of that number; none where it can't be made ready.
    pub(super) fn unit(&self, number: u32) -> Option<&Unit> {
        self.ready(number).ok()
    }

    /// The schema's name.
    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }

    fn ready(&self, number: u32) -> Result<&Unit, &Vec<SchemaProblem>> {
        static NONE: Vec<SchemaProblem> = Vec::new();
        let (Some(slot), Some(name)) = (self.units.get(number as usize), self.names.get(number as usize)) else {
            return Err(&NONE);
        };
        let make = || {
            let mut base = "#/schemas".to_owned();
            pointer::push(&mut base, name);
            self.schemas.get(&**name).map_or_else(|| Err(Vec::new()), |schema| compile::unit(schema, self, &base))
        };
        slot.get_or_init(make).as_ref()
    }

    /// Makes ready all that a unit refers to, directly or not.
    ///
    /// # Errors
    /// Everything that can't be, and the first loop of references.
    pub(super) fn make_ready(&self, unit: &Unit) -> Result<(), Vec<SchemaProblem>> {
        let mut reached = vec![false; self.names.len()];
        let mut waiting = unit.refers_to.to_vec();
        let mut problems = Vec::new();
        while let Some(number) = waiting.pop() {
            let Some(is_reached) = reached.get_mut(number as usize) else { continue };
            if std::mem::replace(is_reached, true) || self.is_known_sound(number) {
                continue;
            }
            match self.ready(number) {
                Ok(unit) => waiting.extend_from_slice(&unit.refers_to),
                Err(found) => problems.extend_from_slice(found),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let reached: Vec<u32> =
            (0_u32..).zip(&reached).filter(|(_, is_reached)| **is_reached).map(|(at, _)| at).collect();
        self.check_loops(&reached).map_err(|problem| vec![problem])
    }

    fn is_known_sound(&self, number: u32) -> bool {
        self.is_sound.get(number as usize).is_some_and(|sound| sound.get().is_some())
    }

    /// Whether some schema leads to itself without a step into the value. Its stack is a list, however long the way.
    fn check_loops(&self, numbers: &[u32]) -> Result<(), SchemaProblem> {
        let mut is_on_the_way = vec![false; self.names.len()];
        let mut is_done = vec![false; self.names.len()];
        for start in numbers {
            let mut way: Vec<(u32, usize)> = vec![(*start, 0)];
            while let Some((number, next)) = way.last_mut() {
                let at = *number as usize;
                if *next == 0 {
                    if is_done.get(at).copied().unwrap_or(true) || self.is_known_sound(*number) {
                        way.pop();
                        continue;
                    }
                    set(&mut is_on_the_way, at, true);
                }
                let to = self.unit(*number).and_then(|unit| unit.leads_to.get(*next).copied());
                *next += 1;
                match to {
                    Some(to) if is_on_the_way.get(to as usize).copied().unwrap_or(false) => return Err(self.looped(to)),
                    Some(to) => way.push((to, 0)),
                    None => {
                        set(&mut is_on_the_way, at, false);
                        set(&mut is_done, at, true);
                        way.pop();
                    }
                }
            }
        }
        // All that they refer to was looked at with them.
        for number in numbers {
            self.is_sound.get(*number as usize).into_iter().for_each(|sound| {
                let _ = sound.set(());
            });
        }
        Ok(())
    }

    fn looped(&self, number: u32) -> SchemaProblem {
        let mut pointer = "#/schemas".to_owned();
        pointer::push(&mut pointer, self.name(number));
        SchemaProblem {
            field: String::new(),
            pointer,
            message: format!(
                "schema {} refers to itself without a step into the value",
                super::words::shown(self.name(number))
            ),
            mend: "let it refer to itself only from properties or items".to_owned(),
        }
    }

    /// The pattern, made ready once.
    pub(super) fn pattern(&self, source: &str) -> Result<Arc<Pattern>, String> {
        let mut patterns = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = patterns.get(source) {
            return known.clone();
        }
        if patterns.len() >= PATTERNS_MAX {
            return Err(format!("the API has more than {PATTERNS_MAX} patterns"));
        }
        let made = Pattern::compile(source).map(Arc::new);
        patterns.insert(source.into(), made.clone());
        made
    }

    /// Some schema is `readOnly`, `writeOnly` or of passwords.
    pub(super) fn mark(&self) {
        self.has_marks.store(true, Ordering::Release);
    }

    /// Whether any schema that was made ready so far is.
    pub(super) fn has_marks(&self) -> bool {
        self.has_marks.load(Ordering::Acquire)
    }

    /// Counts one more schema; false where there are too many.
    pub(super) fn may_grow(&self) -> bool {
        self.nodes.fetch_add(1, Ordering::Relaxed) < NODES_MAX
    }
}

fn set(flags: &mut [bool], at: usize, value: bool) {
    flags.get_mut(at).into_iter().for_each(|flag| *flag = value);
}
