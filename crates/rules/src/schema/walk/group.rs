//! All schemas that say something of one value, wherever they stand: whether it is a secret, and who may set it.

use super::{OWN, Place, Step, Walk};
use crate::model::ReadOnlyProperties;
use crate::schema::Direction;
use crate::schema::node::{Node, Rule};
use crate::schema::secret;

/// Schemas of one value that are looked at.
const GROUP_MAX: usize = 500;

/// Schemas of one value.
#[derive(Default)]
struct Group {
    places: Vec<Place>,
    /// Whether there were more than are looked at.
    is_cut: bool,
}

impl Group {
    fn add(&mut self, place: Place) {
        if self.places.len() >= GROUP_MAX {
            self.is_cut = true;
        } else if !self.places.contains(&place) {
            self.places.push(place);
        }
    }
}

impl<'w> Walk<'w> {
    /// Whether what is sent in this direction may have a value of this schema; told if not.
    pub(super) fn may_be_sent(&mut self, node: &Node) -> bool {
        let (keyword, words) = match self.direction {
            _ if self.path.is_empty() => return true,
            Direction::Request(ReadOnlyProperties::Refuse) if node.is_read_only => {
                ("readOnly", "is set by the service alone; leave it out")
            }
            Direction::Answer if node.is_write_only => ("writeOnly", "is only ever sent to the service, never by it"),
            Direction::Request(_) | Direction::Answer => return true,
        };
        self.tell(keyword, |_| words.to_owned());
        false
    }

    /// Whether a required member of the value need not be there, since it isn't for this side to send.
    pub(super) fn is_excused(&self, name: &str) -> bool {
        if !self.library.has_marks() {
            return false;
        }
        let mut group = self.group();
        group = self.step(&group, |walk, node, place, below| {
            for rule in &node.rules {
                match rule {
                    Rule::Object(rule) => {
                        Self::member_nodes(rule, name).into_iter().for_each(|node| below.add(place.at(node)));
                    }
                    Rule::Unevaluated { members: Some(node), .. } => below.add(place.at(*node)),
                    _ => {}
                }
            }
            let _ = walk;
        });
        group.places.iter().filter_map(|place| self.node(*place)).any(|node| match self.direction {
            Direction::Request(_) => node.is_read_only,
            Direction::Answer => node.is_write_only,
        })
    }

    /// Whether the value is one that is never repeated: by its name, by that of what it stands in, or by a schema of
    /// either.
    pub(super) fn is_secret(&self) -> bool {
        let named = |step: &Step<'w>| matches!(step, Step::Name(name) if secret::is_secret(&name.text()));
        if self.base.split('/').any(secret::is_secret) || self.path.iter().any(named) {
            return true;
        }
        let is_marked = |group: &Group| {
            let mut nodes = group.places.iter().filter_map(|place| self.node(*place));
            group.is_cut || nodes.any(|node| node.is_secret || node.is_write_only)
        };
        self.library.has_marks() && self.groups(|group| is_marked(group))
    }

    /// The schemas of the value that the walk is at.
    fn group(&self) -> Group {
        let mut last = Group::default();
        self.groups(|group| {
            last = Group { places: group.places.clone(), is_cut: group.is_cut };
            false
        });
        last
    }

    /// Shows the schemas of each value on the way to where the walk is, until `shown` says that it has seen enough.
    fn groups(&self, mut shown: impl FnMut(&Group) -> bool) -> bool {
        let mut group = Group::default();
        group.add(Place { unit: OWN, node: 0 });
        self.expand(&mut group);
        if shown(&group) {
            return true;
        }
        for step in &self.path {
            group = self.step(&group, |_, node, place, below| add_below(node, place, step, below));
            if shown(&group) {
                return true;
            }
        }
        false
    }

    /// The schemas of what stands in the values of these.
    fn step(&self, group: &Group, add: impl Fn(&Self, &Node, Place, &mut Group)) -> Group {
        let mut below = Group { places: Vec::new(), is_cut: group.is_cut };
        for place in &group.places {
            if let Some(node) = self.node(*place) {
                add(self, node, *place, &mut below);
            }
        }
        self.expand(&mut below);
        below
    }

    /// Adds those to which these lead without a step into the value.
    fn expand(&self, group: &mut Group) {
        let mut at = 0;
        while let Some(place) = group.places.get(at).copied() {
            at += 1;
            let Some(node) = self.node(place) else { continue };
            for rule in &node.rules {
                match rule {
                    Rule::Reference(number) => group.add(Place { unit: *number, node: 0 }),
                    Rule::All(nodes) | Rule::Any(nodes) | Rule::One(nodes) => {
                        nodes.iter().for_each(|node| group.add(place.at(*node)));
                    }
                    Rule::If { test, then, otherwise } => {
                        let nodes = [Some(*test), *then, *otherwise];
                        nodes.into_iter().flatten().for_each(|node| group.add(place.at(node)));
                    }
                    Rule::Object(rule) => {
                        rule.dependents.iter().filter_map(|one| one.node).for_each(|node| group.add(place.at(node)));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn add_below(node: &Node, place: Place, step: &Step<'_>, below: &mut Group) {
    for rule in &node.rules {
        match (rule, step) {
            (Rule::Object(rule), Step::Name(name)) => {
                Walk::member_nodes(rule, &name.text()).into_iter().for_each(|node| below.add(place.at(node)));
            }
            (Rule::Array(rule), Step::Index(at)) => {
                let element = rule.prefix.get(*at).copied().or(rule.elements);
                let contained = rule.contains.as_ref().map(|contains| contains.node);
                element.into_iter().chain(contained).for_each(|node| below.add(place.at(node)));
            }
            (Rule::Unevaluated { members: Some(node), .. }, Step::Name(_))
            | (Rule::Unevaluated { elements: Some(node), .. }, Step::Index(_)) => below.add(place.at(*node)),
            _ => {}
        }
    }
}
