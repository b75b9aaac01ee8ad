//! Who a question is about: a declared user in an environment, an application for itself, or somebody made up.

use super::{Question, Unanswerable, Who, unknown};
use crate::model::{Attributes, Declared, Membership, Name, User};
use crate::token::APPLICATION_SUBJECT_PREFIX;

/// Who is asked about, with all that is known of them.
pub(super) struct Person<'d> {
    user: Option<&'d User>,
    /// How they are called; none for an application that acts for itself.
    pub(super) name: Option<String>,
    pub(super) environment: String,
    membership: Option<&'d Membership>,
    pub(super) roles: Vec<Name>,
    pub(super) attributes: Attributes,
    /// The application that acts for itself.
    pub(super) own: Option<String>,
}

impl<'d> Person<'d> {
    pub(super) fn find(declared: &'d Declared, question: &Question<'_>) -> Result<Self, Unanswerable> {
        let environments = || declared.environments.iter().map(|one| &*one.name);
        if let Some(name) = question.environment
            && !environments().any(|one| one == name)
        {
            return Err(unknown("environment", name, environments()));
        }
        let told = |names: &[&str]| match (question.environment, names) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, [only]) => Ok((*only).to_owned()),
            (None, names) => {
                let message = format!("the environment must be told: there are {}", names.join(", "));
                let mend = "say which environment is meant".to_owned();
                Err(Unanswerable { field: "environment", message, mend })
            }
        };
        let all: Vec<&str> = environments().collect();
        match question.who {
            Who::Made { roles, attributes } => {
                let known = || declared.roles.iter().map(|one| &*one.name);
                if let Some(role) = roles.iter().find(|role| !known().any(|one| one == &***role)) {
                    return Err(unknown("role", role, known()));
                }
                let (roles, attributes) = (roles.to_vec(), attributes.clone());
                let name = Some("somebody".to_owned());
                Ok(Self { user: None, name, environment: told(&all)?, membership: None, roles, attributes, own: None })
            }
            Who::Named(name) => match name.strip_prefix(APPLICATION_SUBJECT_PREFIX) {
                Some(own) => Ok(Self {
                    user: None,
                    name: None,
                    environment: told(&all)?,
                    membership: None,
                    roles: Vec::new(),
                    attributes: Attributes::new(),
                    own: Some(own.to_owned()),
                }),
                None => Self::declared(declared, name, told),
            },
        }
    }

    fn declared(
        declared: &'d Declared,
        name: &str,
        told: impl Fn(&[&str]) -> Result<String, Unanswerable>,
    ) -> Result<Self, Unanswerable> {
        let user = declared.users.iter().find(|one| *one.name == *name);
        let user = user.ok_or_else(|| unknown("user", name, declared.users.iter().map(|one| &*one.name)))?;
        let theirs: Vec<&str> = user.memberships.iter().map(|one| &*one.environment).collect();
        let environment = told(&theirs)?;
        let membership = user.memberships.iter().find(|one| *one.environment == *environment);
        let mut attributes = user.attributes.clone();
        attributes.extend(membership.iter().flat_map(|one| one.attributes.clone()));
        let roles = membership.map(|one| one.roles.clone()).unwrap_or_default();
        let name = Some(user.name.to_string());
        Ok(Self { user: Some(user), name, environment, membership, roles, attributes, own: None })
    }

    pub(super) fn standing(&self) -> Result<String, String> {
        let roles =
            if self.roles.is_empty() { "no role".to_owned() } else { format!("the roles {}", self.roles.join(", ")) };
        match (self.user, &self.own) {
            (Some(user), _) if user.disabled => Err(format!("User {} is switched off.", user.name)),
            (Some(user), _) if self.membership.is_none() => {
                Err(format!("User {} doesn't belong to environment {}.", user.name, self.environment))
            }
            (Some(user), _) => Ok(format!("User {} has {roles} in environment {}.", user.name, self.environment)),
            (None, Some(own)) => Ok(format!("Application {own} acts for itself in environment {}.", self.environment)),
            (None, None) => Ok(format!("Somebody with {roles} in environment {}.", self.environment)),
        }
    }
}
