//! Somebody with their roles and attributes, as policies read them: made when first asked for and kept while the
//! snapshot lives.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};

use super::{Subject, context, kind};
use crate::model::{Attributes, Name, ValueKind};
use crate::token::APPLICATION_SUBJECT_PREFIX;

/// So many forms of one caller are kept: one for each API and application. Who has more is made anew each time.
const KEPT_MAX: usize = 8;

/// What somebody is in an environment: roles and attributes, those of the membership before the user's own.
#[derive(Debug, Default)]
pub struct Principal {
    roles: Arc<[Name]>,
    attributes: Option<Box<Attributes>>,
    /// A list that only grows at its end, so that reading it takes no lock and writes nothing.
    kept: OnceLock<Box<Kept>>,
}

#[derive(Debug)]
struct Kept {
    api: Name,
    application: Option<Name>,
    made: Result<Made, String>,
    next: OnceLock<Box<Self>>,
}

/// A caller, as Cedar has them.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) uid: EntityUid,
    pub(super) entities: Entities,
}

impl Principal {
    /// Somebody with these roles and attributes.
    #[must_use]
    pub fn new(roles: Arc<[Name]>, of_user: &Attributes, of_membership: &Attributes) -> Self {
        let mut attributes = of_user.clone();
        attributes.extend(of_membership.iter().map(|(name, value)| (name.clone(), value.clone())));
        let attributes = (!attributes.is_empty()).then(|| Box::new(attributes));
        Self { roles, attributes, kept: OnceLock::new() }
    }

    /// The same with other roles.
    #[must_use]
    pub fn with_roles(&self, roles: Arc<[Name]>) -> Self {
        Self { roles, attributes: self.attributes.clone(), kept: OnceLock::new() }
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> &[Name] {
        &self.roles
    }

    /// The attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&String, &serde_json::Value)> {
        self.attributes.iter().flat_map(|attributes| attributes.iter())
    }

    /// Gives `ask` the caller as the policies of `api` read them.
    pub(super) fn with<T>(
        &self,
        api: &Name,
        subject: &Subject<'_>,
        kinds: &std::collections::BTreeMap<String, ValueKind>,
        ask: impl FnOnce(&Result<Made, String>) -> T,
    ) -> T {
        let mut place = &self.kept;
        for _ in 0..KEPT_MAX {
            let kept = place.get_or_init(|| {
                Box::new(Kept {
                    api: api.clone(),
                    application: subject.application.map(Name::from),
                    made: self.make(subject, kinds),
                    next: OnceLock::new(),
                })
            });
            if kept.api == *api && kept.application.as_deref() == subject.application {
                return ask(&kept.made);
            }
            place = &kept.next;
        }
        ask(&self.make(subject, kinds))
    }

    fn make(
        &self,
        subject: &Subject<'_>,
        kinds: &std::collections::BTreeMap<String, ValueKind>,
    ) -> Result<Made, String> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let name = match subject.user {
            Some(user) => user.to_owned(),
            None => format!("{APPLICATION_SUBJECT_PREFIX}{}", subject.application.unwrap_or_default()),
        };
        let roles = self.roles.iter().map(|role| text(role));
        let mut attributes = HashMap::from([
            ("name".to_owned(), text(&name)),
            ("environment".to_owned(), text(subject.environment)),
            ("roles".to_owned(), RestrictedExpression::new_set(roles)),
        ]);
        if let Some(application) = subject.application {
            attributes.insert("application".to_owned(), text(application));
        }
        for (attribute, kind) in kinds {
            let value = self.attributes.as_ref().and_then(|attributes| attributes.get(attribute));
            let expression = match value {
                Some(value) => Some(context::expression(*kind, value).ok_or_else(|| {
                    format!("the attribute {attribute} of {name} is not {}", kind::kind_words(*kind))
                })?),
                None => kind::empty(*kind),
            };
            if let Some(expression) = expression {
                attributes.insert(attribute.clone(), expression);
            }
        }
        let parents: HashSet<EntityUid> = self.roles.iter().map(|role| uid("Role", role)).collect::<Result<_, _>>()?;
        let uid = uid("User", &name)?;
        let unmade = |error: &dyn std::fmt::Display| format!("{name} can't be told to the policies: {error}");
        let entity = Entity::new(uid.clone(), attributes, parents).map_err(|error| unmade(&error))?;
        let entities = Entities::from_entities([entity], None).map_err(|error| unmade(&error))?;
        Ok(Made { uid, entities })
    }
}

/// What Cedar calls a thing of that kind and name.
pub(super) fn uid(kind: &str, name: &str) -> Result<EntityUid, String> {
    let kind: EntityTypeName = kind.parse().map_err(|error| format!("no kind of thing is called {kind}: {error}"))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(name)))
}
