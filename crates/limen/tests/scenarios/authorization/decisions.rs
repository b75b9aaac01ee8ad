//! What people decide on the way: where, whether, and how far; and what is remembered of it.

use limen_testbed::browser::parameter;
use limen_testbed::{Browser, Page};

use super::door::{Door, good, native};

fn has_code(page: &Page) -> bool {
    page.leads_to().is_some_and(|address| parameter(address, "code").is_some())
}

#[test]
fn an_environment_is_picked_where_there_are_several() {
    let door = Door::for_users(&["wes", "rea"]);
    let mut browser = door.browser();
    let page = browser.open(&good(""));
    let page = door.sign_in(&mut browser, &page, "wes");
    let text = page.answer.text();
    let order = ["Archive", "Museum of", "Library"].map(|title| text.find(title).unwrap_or(usize::MAX));
    assert!(order.is_sorted(), "connected ones first: {text}");
    assert_eq!(page.form("environment").value("environment"), Some("archive"));
    let consent = browser.submit(&page.form("environment"), &[("environment", "museum")]);
    assert_eq!(consent.form("consent").value("environment"), Some("museum"));
    assert!(consent.answer.text().contains("Choose another"));
    // One that the user doesn't belong to is never taken, whoever names it.
    let none = browser.submit(&page.form("environment"), &[("environment", "nowhere")]);
    assert!(none.find_form("environment").is_some() && none.answer.text().contains("you don't belong to"), "{none:?}");
    let forged = browser.submit(&consent.form("consent"), &[("environment", "nowhere"), ("decision", "allow")]);
    assert_eq!((forged.answer.status, forged.leads_to()), (403, None), "{forged:?}");

    // An application that names one spares its user the question.
    let named = browser.open(&good("&environment_id=archive"));
    assert_eq!(named.form("consent").value("environment"), Some("archive"));
    let mut only = door.signed_in("rea");
    assert_eq!(only.open(&good("")).form("consent").value("environment"), Some("museum"));
    assert!(only.open(&good("&environment_id=archive")).find_form("consent").is_none());
}

#[test]
fn a_consent_is_remembered_for_applications_that_keep_a_secret() {
    let door = Door::for_users(&["wes"]);
    let mut browser = door.signed_in("wes");
    let mut open = |more: &str| browser.open(&good(&format!("&environment_id=museum{more}")));
    let (page, narrow) = (open("&scope=thing.read"), "&scope=thing.read");
    assert!(page.answer.text().contains("thing.read") && !page.answer.text().contains("thing.write"));
    let mut browser: Browser = door.signed_in("wes");
    let allow = |browser: &mut Browser, page: &Page| browser.submit(&page.form("consent"), &[("decision", "allow")]);
    let ask = |browser: &mut Browser, more: &str| browser.open(&good(&format!("&environment_id=museum{more}")));
    let page = ask(&mut browser, narrow);
    assert!(has_code(&allow(&mut browser, &page)));
    assert!(has_code(&ask(&mut browser, narrow)), "the same is not asked again");
    let wider = ask(&mut browser, "&scope=thing.read+thing.write");
    assert!(wider.find_form("consent").is_some(), "more is");
    let full = ask(&mut browser, "");
    assert!(full.answer.text().contains("Everything that you may do there"), "{full:?}");
    assert!(has_code(&allow(&mut browser, &full)));
    assert!(has_code(&ask(&mut browser, "&scope=thing.write")), "everything covers all");
    assert!(ask(&mut browser, "&prompt=consent").find_form("consent").is_some());
    assert!(browser.open(&good("&environment_id=archive")).find_form("consent").is_some(), "another environment");
    for _ in 0..2 {
        let page = browser.open(&native("&environment_id=museum"));
        assert!(has_code(&allow(&mut browser, &page)), "a public application is asked about each time");
    }
}

#[test]
fn what_the_page_said_is_what_was_allowed() {
    let door = Door::for_users(&["wes"]);
    let mut browser = door.signed_in("wes");
    let page = browser.open(&good("&environment_id=archive"));
    assert_eq!(page.form("consent").value("reach"), Some("thing.read"), "the connection limits it");
    assert!(page.answer.text().contains("as Reader") && !page.answer.text().contains("Everything"));
    let beyond = browser.open(&good("&environment_id=archive&scope=thing.write"));
    assert_eq!(parameter(beyond.leads_to().unwrap(), "error").as_deref(), Some("invalid_scope"));
    // While the page is open, the connection is widened: the page is shown anew before anything is given.
    door.limen.apply(&Door::world().replace("environment: archive, scopes: [thing.read]", "environment: archive"));
    let again = browser.submit(&page.form("consent"), &[("decision", "allow")]);
    assert_eq!((again.leads_to(), again.form("consent").value("reach")), (None, Some("*")));
}
