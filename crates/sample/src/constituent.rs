//! What a constituent is, and which ones are well formed.
//! It knows neither SQL nor HTTP; those are in `table` and `routes`.

pub(crate) mod routes;
pub(crate) mod table;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::answer::Problem;
use crate::fields::{Fields, LINE_MAX};
use crate::fuzzy_date::FuzzyDate;

pub(crate) const INDIVIDUAL: &str = "Individual";
pub(crate) const ORGANIZATION: &str = "Organization";
pub(crate) const TYPES: [&str; 2] = [INDIVIDUAL, ORGANIZATION];
const GENDERS: [&str; 3] = ["Female", "Male", "Nonbinary"];
const ADDRESS_LINES_MAX: usize = 5;

/// What a caller may say about a person or an organisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Constituent {
    /// One of [`TYPES`].
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// An organisation's own name; of an individual it is made from the first and the last name.
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) first_name: Option<String>,
    /// Every individual has one, no organisation does.
    pub(crate) last_name: Option<String>,
    pub(crate) preferred_name: Option<String>,
    pub(crate) gender: Option<String>,
    pub(crate) birthdate: Option<FuzzyDate>,
    pub(crate) deceased: bool,
    pub(crate) inactive: bool,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) address: Option<Address>,
    /// The number under which the constituent is known elsewhere; unique.
    pub(crate) lookup_id: Option<String>,
}

/// A postal address of which at least one part is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Address {
    pub(crate) lines: Vec<String>,
    pub(crate) city: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) country: Option<String>,
}

/// A constituent as it is kept and answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) constituent: Constituent,
    /// ISO 8601 with offset.
    pub(crate) date_added: String,
    /// ISO 8601 with offset.
    pub(crate) date_modified: String,
}

impl Constituent {
    /// Reads a constituent from the members of a body, or says everything that is wrong with them.
    pub(crate) fn check(members: &Map<String, Value>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut fields = Fields::of(members, &mut problems);
        let kind = fields.choice("type", &TYPES).unwrap_or_else(|| INDIVIDUAL.to_owned());
        let organization = kind == ORGANIZATION;
        let first_name = fields.line("first_name", LINE_MAX);
        let (name, last_name) = if organization {
            (fields.required_line("name", 2 * LINE_MAX), fields.line("last_name", LINE_MAX))
        } else {
            let last_name = fields.required_line("last_name", LINE_MAX);
            (full_name(first_name.as_deref(), &last_name), Some(last_name))
        };
        let constituent = Self {
            kind,
            name,
            title: fields.line("title", LINE_MAX),
            first_name,
            last_name,
            preferred_name: fields.line("preferred_name", LINE_MAX),
            gender: fields.choice("gender", &GENDERS),
            birthdate: FuzzyDate::read(&mut fields, "birthdate"),
            deceased: fields.flag("deceased"),
            inactive: fields.flag("inactive"),
            email: read_email(&mut fields),
            phone: read_phone(&mut fields),
            address: fields.object("address", Address::read).filter(|address| *address != Address::default()),
            lookup_id: fields.line("lookup_id", 40),
        };
        if organization {
            constituent.refuse_what_only_people_have(&mut fields);
        }
        if problems.is_empty() { Ok(constituent) } else { Err(problems) }
    }

    fn refuse_what_only_people_have(&self, fields: &mut Fields<'_>) {
        for (name, said) in [
            ("title", self.title.is_some()),
            ("first_name", self.first_name.is_some()),
            ("last_name", self.last_name.is_some()),
            ("preferred_name", self.preferred_name.is_some()),
            ("gender", self.gender.is_some()),
            ("birthdate", self.birthdate.is_some()),
            ("deceased", self.deceased),
        ] {
            if said {
                fields.wrong(name, "is for individuals; an organization has only a name");
            }
        }
    }
}

impl Address {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            lines: fields.lines("lines", ADDRESS_LINES_MAX),
            city: fields.line("city", LINE_MAX),
            state: fields.line("state", LINE_MAX),
            postal_code: fields.line("postal_code", 20),
            country: fields.line("country", LINE_MAX),
        }
    }
}

/// An individual's whole name.
pub(crate) fn full_name(first_name: Option<&str>, last_name: &str) -> String {
    match first_name {
        Some(first_name) => format!("{first_name} {last_name}"),
        None => last_name.to_owned(),
    }
}

/// Whether mail arrives only sending can tell; this refuses what is certainly no address.
fn read_email(fields: &mut Fields<'_>) -> Option<String> {
    let email = fields.line("email", 254)?;
    let plausible = match email.split_once('@') {
        Some((local, domain)) => {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !email.contains(char::is_whitespace)
        }
        None => false,
    };
    if !plausible {
        fields.wrong("email", "must be an address such as name@example.org");
    }
    Some(email)
}

fn read_phone(fields: &mut Fields<'_>) -> Option<String> {
    let phone = fields.line("phone", 40)?;
    let digits = phone.bytes().filter(u8::is_ascii_digit).count();
    let plain = phone.chars().all(|character| character.is_ascii_digit() || " +-()./x".contains(character));
    if digits < 3 || !plain {
        fields.wrong("phone", "must be a number such as +1 843 555 0142");
    }
    Some(phone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(body: Value) -> Result<Constituent, Vec<String>> {
        let Value::Object(members) = body else { panic!("no object") };
        Constituent::check(&members).map_err(|problems| problems.into_iter().map(|p| p.pointer).collect())
    }

    #[test]
    fn a_last_name_is_enough() {
        let constituent = check(json!({"last_name": " Okafor ", "id": 5, "unheard_of": []})).unwrap();
        assert_eq!(constituent.kind, INDIVIDUAL);
        assert_eq!(constituent.name, "Okafor");
        assert_eq!(constituent.address, None);
        let constituent = check(json!({"last_name": "Okafor", "first_name": "Ngozi", "address": {}})).unwrap();
        assert_eq!((constituent.name.as_str(), constituent.address), ("Ngozi Okafor", None));
    }

    #[test]
    fn an_organization_has_a_name_and_nothing_personal() {
        let constituent = check(json!({"type": "Organization", "name": "Choir"})).unwrap();
        assert_eq!((constituent.name.as_str(), constituent.last_name), ("Choir", None));
        assert_eq!(
            check(json!({"type": "Organization", "last_name": "X", "deceased": true})),
            Err(vec!["/name".to_owned(), "/last_name".to_owned(), "/deceased".to_owned()])
        );
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        let body = json!({
            "type": "Person", "gender": "F", "birthdate": {"y": 2001, "m": 2, "d": 30}, "email": "a@b@c",
            "phone": "call me", "address": {"city": 7, "lines": "one"}, "inactive": 1
        });
        let expected = [
            "/type",
            "/last_name",
            "/gender",
            "/birthdate/d",
            "/inactive",
            "/email",
            "/phone",
            "/address/lines",
            "/address/city",
        ];
        assert_eq!(check(body), Err(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn an_answer_can_be_sent_back() {
        let constituent = check(json!({
            "last_name": "Haddad", "birthdate": {"m": 5}, "address": {"lines": ["1 Quay"], "city": "Cork"}
        }))
        .unwrap();
        assert_eq!(check(serde_json::to_value(&constituent).unwrap()), Ok(constituent));
    }
}
