//! A browser without a screen: keeps cookies, follows redirects on its own site, and fills in the forms of pages.
//! It reads HTML only as far as our pages need it.

mod form;

use std::collections::BTreeMap;

use crate::http::{Answer, Http};
pub use form::Form;

/// No page of ours leads on so often.
const REDIRECTS_MAX: usize = 8;

/// One person's browser at one web address.
#[derive(Clone, Debug)]
pub struct Browser {
    http: Http,
    /// Cookies by name, as they stand.
    pub cookies: BTreeMap<String, String>,
    /// Header fields that go with every request.
    pub fields: Vec<(String, String)>,
}

/// What a browser shows.
#[derive(Clone, Debug)]
pub struct Page {
    /// The last answer.
    pub answer: Answer,
    /// The path and query that it is of.
    pub at: String,
}

impl Page {
    /// Where it leads away to: a redirect to another site.
    pub fn leads_to(&self) -> Option<&str> {
        self.answer.header("location")
    }

    /// The form whose hidden field `step` has this value. Ends the test where there is none.
    #[track_caller]
    pub fn form(&self, step: &str) -> Form {
        self.find_form(step).unwrap_or_else(|| panic!("no form for {step} at {}: {:?}", self.at, self.answer))
    }

    /// The form whose hidden field `step` has this value.
    pub fn find_form(&self, step: &str) -> Option<Form> {
        self.forms().into_iter().find(|form| form.value("step") == Some(step))
    }

    /// All forms of the page.
    pub fn forms(&self) -> Vec<Form> {
        form::forms(&self.answer.text(), &self.at)
    }
}

impl Browser {
    /// A browser that knows nobody.
    pub fn new(http: Http) -> Self {
        Self { http, cookies: BTreeMap::new(), fields: Vec::new() }
    }

    /// Opens an address of the site and follows redirects within it.
    #[track_caller]
    pub fn open(&mut self, target: &str) -> Page {
        let answer = self.ask("GET", target, None);
        self.follow(answer, target)
    }

    /// Sends a form, with some fields filled in, and follows redirects within the site.
    #[track_caller]
    pub fn submit(&mut self, form: &Form, filled: &[(&str, &str)]) -> Page {
        let answer = self.send(form, filled);
        self.follow(answer, &form.action)
    }

    /// Sends a form, and gives its very answer.
    #[track_caller]
    pub fn send(&mut self, form: &Form, filled: &[(&str, &str)]) -> Answer {
        let body = form.encoded(filled);
        self.ask("POST", &form.action, Some(&body))
    }

    /// One request with this browser's cookies; keeps those that come back.
    #[track_caller]
    pub fn ask(&mut self, method: &str, target: &str, form: Option<&str>) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut fields: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if !cookies.is_empty() {
            fields.push(("Cookie", &cookies));
        }
        if form.is_some() {
            fields.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let answer = self.http.call(method, target, &fields, form.map(str::as_bytes));
        for line in answer.headers_named("set-cookie") {
            if let Some((name, value)) = line.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        answer
    }

    #[track_caller]
    fn follow(&mut self, answer: Answer, target: &str) -> Page {
        let (mut answer, mut at) = (answer, target.to_owned());
        for _ in 0..REDIRECTS_MAX {
            let Some(next) = answer.header("location").filter(|next| next.starts_with('/')) else { break };
            at = next.to_owned();
            answer = self.ask("GET", &at, None);
        }
        Page { answer, at }
    }

    /// Goes through `/authorization` as somebody who allows it: signs in where that is asked, takes the first
    /// environment, allows. Gives the address at the application that it ends at.
    #[track_caller]
    pub fn authorize(&mut self, target: &str, user: &str, password: &str) -> String {
        let mut page = self.open(target);
        for _ in 0..REDIRECTS_MAX {
            if let Some(address) = page.leads_to() {
                return address.to_owned();
            }
            page = if let Some(form) = page.find_form("sign-in") {
                self.submit(&form, &[("user", user), ("password", password)])
            } else if let Some(form) = page.find_form("environment") {
                self.submit(&form, &[])
            } else {
                self.submit(&page.form("consent"), &[("decision", "allow")])
            };
        }
        panic!("it leads nowhere: {page:?}")
    }
}

/// A query's parameter, decoded; of an address or of a body.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let query = address.split_once('?').map_or(address, |(_, query)| query);
    let pairs = query.split('#').next().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(one, _)| *one == name).map(|(_, value)| form::decoded(value))
}

/// Percent-encoded, for a query or a form.
pub fn encoded(text: &str) -> String {
    form::encoded(text.as_bytes())
}
