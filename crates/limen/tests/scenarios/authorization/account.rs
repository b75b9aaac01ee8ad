//! `/account` and `/connections`: what people take back, and what administrators decide.

use limen_testbed::Page;
use limen_testbed::browser::parameter;

use super::door::{Door, good};

#[test]
fn what_was_allowed_is_listed_and_taken_back() {
    let door = Door::for_users(&["rea"]);
    let mut browser = door.browser();
    assert!(door.authorize(&mut browser, &good(""), "rea").contains("code="));
    let page = browser.open("/account");
    assert!(page.answer.text().contains("Server &#60;script&#62;"), "{page:?}");
    let page = browser.submit(&page.form("withdraw"), &[]);
    assert!(page.answer.text().contains("Taken back.") && page.find_form("withdraw").is_none(), "{page:?}");
    assert!(browser.open(&good("")).find_form("consent").is_some(), "it is asked again");
}

#[test]
fn a_changed_password_ends_what_the_old_one_began() {
    let door = Door::for_users(&["rea"]);
    let (mut here, mut elsewhere) = (door.signed_in("rea"), door.signed_in("rea"));
    let form = here.open("/account").form("password");
    let (old, new) = (door.password("rea").to_owned(), "another long password");
    let mut change = |present: &str, new: &str, again: &str| {
        here.submit(&form, &[("password", present), ("new", new), ("again", again)])
    };
    assert_eq!(change("wrong", new, new).answer.status, 403);
    assert_eq!(change(&old, new, "other").answer.status, 400);
    assert_eq!(change(&old, "short", "short").answer.status, 400);
    let changed = change(&old, new, new);
    assert!(changed.answer.status == 200 && changed.answer.text().contains("Your password is changed."), "{changed:?}");
    assert!(here.open("/account").find_form("sign-in").is_none(), "here it goes on");
    let page = elsewhere.open("/account");
    assert!(page.find_form("sign-in").is_some(), "elsewhere it is over");
    let page = elsewhere.submit(&page.form("sign-in"), &[("user", "rea"), ("password", &old)]);
    assert_eq!(page.answer.status, 401);
    let page = elsewhere.submit(&page.form("sign-in"), &[("user", "rea"), ("password", new)]);
    let page = elsewhere.submit(&page.form("everywhere"), &[]);
    assert!(page.find_form("sign-in").is_some() && here.open("/account").find_form("sign-in").is_some());
}

#[test]
fn an_administrator_decides_about_their_own_environment_alone() {
    let door = Door::for_users(&["ann", "lou"]);
    let mut browser = door.signed_in("ann");
    let text = |page: &Page| page.answer.text();
    let page = browser.open("/connections");
    assert!(text(&page).contains("Library") && !text(&page).contains("Archive"), "{page:?}");
    let approve = page.form("approve");
    let unknown = browser.submit(&approve, &[("application", "serverr")]);
    assert!(
        unknown.answer.status == 400
            && text(&unknown).contains("There is no application with the id &#39;serverr&#39;")
    );
    for environment in ["archive", "nowhere"] {
        let refused = browser.submit(&approve, &[("application", "native"), ("environment", environment)]);
        assert!(refused.answer.status == 400 && text(&refused).contains("Only an administrator"), "{refused:?}");
    }
    let page = browser.submit(&approve, &[("application", "server")]);
    assert!(text(&page).contains("Connected."), "{page:?}");
    let mut user = door.signed_in("lou");
    assert!(text(&user.open(&good(""))).contains("Everything that you may do there"));

    let page = browser.submit(&page.form("change"), &[("reach", "limited"), ("scope", "thing.read")]);
    assert!(
        text(&page).contains("Changed.") && text(&page).contains("of what its users may do: thing.read"),
        "{page:?}"
    );
    assert_eq!(user.open(&good("")).form("consent").value("reach"), Some("thing.read"));
    let unknown = browser.submit(&page.form("change"), &[("reach", "limited"), ("scope", "no.such.thing!")]);
    assert_eq!(unknown.answer.status, 400, "{unknown:?}");
    let allowed = user.open(&good(""));
    let allowed = user.submit(&allowed.form("consent"), &[("decision", "allow")]);
    assert!(parameter(allowed.leads_to().unwrap(), "code").is_some());

    let page = browser.open("/connections?remove=server&environment=library");
    let page = browser.submit(&page.form("remove"), &[]);
    assert!(text(&page).contains("Removed."), "{page:?}");
    assert!(text(&user.open(&good(""))).contains("isn't connected"));
    // Others find nothing to decide, and a form of theirs does nothing.
    let page = user.open("/connections");
    assert!(page.find_form("approve").is_none() && text(&page).contains("administrator of no environment"));
    let mark = user.open("/account").form("everywhere").value("mark").unwrap().to_owned();
    let body = format!("step=approve&application=server&environment=library&mark={mark}");
    assert_eq!(user.ask("POST", "/connections", Some(&body)).status, 400);
}
