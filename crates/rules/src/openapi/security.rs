//! Who may call an operation, as a document says it: `access` and the permission.
//!
//! A document never opens a door: where it asks for nothing, or for what isn't read here, the key stays.

mod schemes;

use std::collections::{BTreeSet, HashMap, HashSet};

use super::loss::Effect;
use super::names::plain;
use super::parameters::Own;
use super::reading::{At, Reading};
use crate::model::{Access, Api, Name, Operation, valid_name};

use schemes::Scheme;

/// What an operation needs.
pub(super) struct Door {
    /// The access, where it isn't the API's.
    pub(super) access: Option<Access>,
    /// The permission.
    pub(super) permission: Option<Name>,
}

/// Who may call what, as far as it is the same for the whole document.
pub(super) struct Security {
    /// The API's access.
    pub(super) access: Access,
    /// Whether the document says it.
    access_is_told: bool,
    /// Permissions by scope: no two scopes become one permission.
    permissions: HashMap<String, Option<Name>>,
    taken: HashSet<Name>,
    schemes: HashMap<String, Scheme>,
}

/// What a list of requirements asks for.
#[derive(Default)]
struct Asked {
    /// Whether one of its alternatives asks for a token.
    token: bool,
    /// Whether it is an empty list.
    nothing: bool,
    /// The scopes of each alternative with a token.
    scopes: Vec<BTreeSet<String>>,
    pointer: String,
}

impl Security {
    /// That of a document; `existing` is the API until now.
    pub(super) fn of(reading: &mut Reading<'_>, own: &Own, existing: Option<&Api>) -> Self {
        let before = existing.map(|api| api.access).unwrap_or_default();
        let mut security = Self {
            access: before,
            access_is_told: false,
            permissions: HashMap::new(),
            taken: HashSet::new(),
            schemes: schemes::all(reading, own),
        };
        let whole = reading.whole();
        if let Some(told) = own_access(reading, &[&whole]) {
            (security.access, security.access_is_told) = (told, true);
        } else if let Some(asked) = security.asked(reading, &whole) {
            if asked.nothing {
                nobody(reading, &asked.pointer);
            } else {
                let access = if asked.token { Access::KeyAndToken } else { Access::Key };
                (security.access, security.access_is_told) = (access, true);
            }
        }
        security
    }

    /// What an operation needs; `before` is what it was until now.
    pub(super) fn door(
        &mut self,
        reading: &mut Reading<'_>,
        at: &At<'_>,
        item: &At<'_>,
        before: Option<&Operation>,
    ) -> Door {
        let whole = reading.whole();
        let own = own_access(reading, &[at, item]);
        let nearer = self.asked(reading, at);
        let access = match (own, &nearer) {
            (Some(access), _) => Some(access),
            (None, Some(asked)) => self.by_document(reading, asked),
            (None, None) if self.access_is_told => None,
            (None, None) => before.and_then(|before| before.access),
        };
        let is_silent = nearer.is_none() && whole.member("security").is_none();
        let asked = nearer.or_else(|| self.asked(reading, &whole));
        let told = own_permission(reading, &[at, item, &whole]);
        let effective = access.unwrap_or(self.access);
        let is_told = told.is_some();
        let own_is_open = own.is_some_and(|own| !own.needs_token())
            || (own.is_none() && access.is_none() && self.access_is_told && whole.member("x-limen-access").is_some());
        let permission = match told {
            Some(told) => told,
            None if is_silent => before.and_then(|before| before.permission.clone()),
            None if !effective.needs_token() => None,
            None => asked.and_then(|asked| self.of_scopes(reading, &asked)),
        };
        let Some(permission) = permission else { return Door { access: self.unlike(access), permission: None } };
        if effective.needs_token() {
            return Door { access: self.unlike(access), permission: Some(permission) };
        }
        if own_is_open && is_told {
            let message = "x-limen-permission asks for a permission and x-limen-access for no token";
            reading.refuse(at, message, "set x-limen-access to key+token or token, or leave the permission out");
        }
        // A permission is a user's, and only a token names one.
        Door { access: self.unlike(Some(Access::KeyAndToken)), permission: Some(permission) }
    }

    /// An access that is the API's own need not be said.
    fn unlike(&self, access: Option<Access>) -> Option<Access> {
        access.filter(|access| *access != self.access)
    }

    /// The access that an operation's own requirements come to.
    fn by_document(&self, reading: &mut Reading<'_>, asked: &Asked) -> Option<Access> {
        if asked.nothing {
            nobody(reading, &asked.pointer);
        }
        match asked.token {
            true if self.access == Access::Token && !self.access_is_told => None,
            true => Some(Access::KeyAndToken),
            // What a person set for the API is not lowered by a document that doesn't speak of it.
            false if self.access.needs_token() && !self.access_is_told => None,
            false if self.access == Access::Open => Some(Access::Key).filter(|_| !asked.nothing),
            false => Some(Access::Key),
        }
    }

    /// What the requirements of an operation, or of the document, ask for; none: it has none.
    fn asked(&mut self, reading: &mut Reading<'_>, holder: &At<'_>) -> Option<Asked> {
        let list = holder.member("security")?;
        let alternatives: Vec<At<'_>> = list.elements().filter(|one| one.value.is_object()).collect();
        let mut asked = Asked { nothing: alternatives.is_empty(), pointer: list.pointer.clone(), ..Asked::default() };
        let mut without = 0;
        for alternative in &alternatives {
            let mut scopes = BTreeSet::new();
            let mut token = false;
            for (name, needed) in alternative.value.as_object().into_iter().flatten() {
                match schemes::used(reading, &mut self.schemes, name, &alternative.pointer) {
                    Scheme::Scopes => {
                        token = true;
                        scopes.extend(needed.as_array().into_iter().flatten().filter_map(|one| one.as_str()));
                    }
                    Scheme::Token => token = true,
                    Scheme::Other => {}
                }
            }
            if token {
                asked.token = true;
                asked.scopes.push(scopes.into_iter().map(str::to_owned).collect());
            } else {
                without += 1;
            }
        }
        if asked.token && without > 0 {
            let why = "what an operation needs is the same for all its callers";
            let words = "callers need a key and a token; set x-limen-access to ask for less";
            reading.lose(
                Effect::NotEnforced,
                &list.pointer,
                "ways in without a token beside ways with one",
                why,
                words,
            );
        }
        Some(asked)
    }

    /// The permission that scopes come to.
    fn of_scopes(&mut self, reading: &mut Reading<'_>, asked: &Asked) -> Option<Name> {
        let words = "any user with a token may call; say x-limen-permission to ask for one";
        let different: BTreeSet<&String> = asked.scopes.iter().flatten().collect();
        let scope = (*different.first()?).clone();
        if different.len() > 1 {
            let why = "an operation needs one permission, and the document names several scopes";
            reading.lose(Effect::NotEnforced, &asked.pointer, "several scopes of an operation", why, words);
            return None;
        }
        if asked.scopes.iter().any(BTreeSet::is_empty) {
            let why = "another of the ways in asks for no scope";
            reading.lose(Effect::NotEnforced, &asked.pointer, "a scope of some ways in", why, words);
            return None;
        }
        let taken = &mut self.taken;
        let permission = self.permissions.entry(scope).or_insert_with_key(|scope| {
            let name = if valid_name(scope) { Some(scope.clone()) } else { plain(scope) };
            name.map(Name::from).filter(|name| scope.len() <= 63 && taken.insert(Name::clone(name)))
        });
        if permission.is_none() {
            let why = "no name of a permission can be made of it that is short enough and no other scope's";
            reading.lose(Effect::NotEnforced, &asked.pointer, "a scope", why, words);
        }
        permission.clone()
    }
}

fn nobody(reading: &mut Reading<'_>, pointer: &str) {
    let why = "a document opens no door: the API's access stays";
    let words = "callers need what the API asks for; set x-limen-access: open to ask for nothing";
    reading.lose(Effect::OnlyDescribed, pointer, "security that nobody needs", why, words);
}

/// `x-limen-access` of the first that has it.
fn own_access(reading: &mut Reading<'_>, holders: &[&At<'_>]) -> Option<Access> {
    let told = holders.iter().find_map(|holder| holder.member("x-limen-access"))?;
    let read = serde_json::from_value(told.value.clone()).ok();
    if read.is_none() {
        reading.refuse(&told, "it is no access", "write key, key+token, token or open");
    }
    read
}

/// `x-limen-permission` of the first that has it; `null` asks for none.
#[expect(clippy::option_option, reason = "not told, told to be none, told")]
fn own_permission(reading: &mut Reading<'_>, holders: &[&At<'_>]) -> Option<Option<Name>> {
    let told = holders.iter().find_map(|holder| holder.member("x-limen-permission"))?;
    if told.value.is_null() {
        return Some(None);
    }
    let name = told.value.as_str().filter(|name| valid_name(name)).map(Name::from);
    if name.is_none() {
        let mend = "write a name of 1 to 63 of a-z, 0-9, '-', '_' and '.', or null for none";
        reading.refuse(&told, "it is no permission", mend);
    }
    Some(name)
}
