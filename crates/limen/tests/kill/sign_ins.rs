//! Killed while applications exchange codes and refresh tokens, several at once with the same one: no code has two
//! winners, no family is dead, and whoever asks again for what was not answered gets the answer that was meant.

use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use limen_rules::key;
use limen_rules::record::Which;
use limen_rules::sign_in::record::AuthorizationCode;
use limen_store::{DataFolder, Store};
use limen_testbed::{Answer, Http, Limen, Settings};

use crate::dice::{self, Dice};
use crate::world::{BINARY, READY_WITHIN};

const ROUNDS: usize = 30;
/// Users who sign in at the same time.
const FAMILIES: usize = 4;
/// How many present the same code or token at the same time.
const AT_ONCE: usize = 3;
/// A replaced token gets the same answer for ten seconds; a machine may be too slow to ask in time.
const SURELY_IN_TIME: Duration = Duration::from_secs(8);
const SECRET: &str = "limen_app_only_for_the_trials_of_kills";
const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];
const REDIRECT_URI: &str = "https://shop.example/back";

const CONFIG: &str = r#"
developers: [{name: ada}]
environments: [{name: demo}]
applications: [{name: shop, developer: ada}]
users: [{name: rea, memberships: [{environment: demo}]}]
connections: [{application: shop, environment: demo}]
"#;

/// One sign-in, and what is known of it.
struct Family {
    code: String,
    /// The token that was presented last, when, and the answer if anybody got it; none: the code is in doubt.
    last: Option<(String, Instant, Option<Vec<u8>>)>,
}

/// What became of what nobody was told of.
#[derive(Debug, Default)]
struct Outcomes {
    codes_lost: u32,
    codes_won_later: u32,
    refreshes_asked_again: u32,
    too_late: u32,
}

#[test]
fn killed_while_codes_and_refresh_tokens_are_used() {
    let mut dice = Dice::new(dice::seed());
    let mut limen = Limen::start(Settings::new(BINARY).argument("--no-sample").ready_within(READY_WITHIN));
    limen.apply(CONFIG);
    limen.kill();
    stopped(&limen, |store| async move {
        store.put_application_secret("shop", Which::Primary, key::hash(SECRET), 1).await.expect("a secret");
    });
    let (mut outcomes, mut turns) = (Outcomes::default(), 0);
    for round in 0..ROUNDS {
        let mut families = sign_ins(&limen, round);
        limen.restart();
        let http = limen.pages();
        let after = dice.time_ms(1, 300);
        std::thread::scope(|scope| {
            let using: Vec<_> = families.iter_mut().map(|family| scope.spawn(move || live(http, family))).collect();
            // A random moment can't be waited for in any other way than by letting time pass.
            let (_says_nothing, nothing) = mpsc::channel::<()>();
            let _ = nothing.recv_timeout(after);
            limen.kill();
            turns += using.into_iter().map(|one| one.join().expect("a caller")).sum::<usize>();
        });
        limen.restart();
        for family in &families {
            goes_on(limen.pages(), family, &mut outcomes);
        }
        limen.kill();
        let granted = stopped(&limen, |store| async move { store.grants_of_user("rea").await.expect("grants").len() });
        assert_eq!(granted, (round + 1) * FAMILIES, "a code was exchanged twice, or not at all");
    }
    eprintln!("{} kills, {} sign-ins, {turns} refreshes; {outcomes:?}", 2 * ROUNDS, ROUNDS * FAMILIES);
    assert!(turns > ROUNDS && outcomes.too_late < outcomes.refreshes_asked_again);
}

/// Looks into the store while no process has it.
fn stopped<T, F: Future<Output = T>>(limen: &Limen, look: impl FnOnce(Store) -> F) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(DataFolder::open(limen.data_dir()).expect("the folder")).await.expect("the store");
        let told = look(store.clone()).await;
        store.close().await.expect("an orderly end");
        told
    })
}

/// As if users had signed in and allowed the application: one code each.
fn sign_ins(limen: &Limen, round: usize) -> Vec<Family> {
    let codes: Vec<String> = (0..FAMILIES).map(|number| format!("code-{round}-{number}")).collect();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let now_us = i64::try_from(since.as_micros()).expect("a near year");
    let kept = codes.clone();
    stopped(limen, |store| async move {
        for code in &kept {
            let given = AuthorizationCode {
                application: "shop".into(),
                user: "rea".into(),
                environment: "demo".into(),
                redirect_uri: REDIRECT_URI.into(),
                scope: None,
                code_challenge: None,
                issued_at_us: now_us,
                expires_at_us: now_us + 300_000_000,
            };
            store.insert_code(key::hash(code), &given).await.expect("a code");
        }
    });
    codes.into_iter().map(|code| Family { code, last: None }).collect()
}

fn exchange_form(code: &str) -> String {
    let uri = REDIRECT_URI.replace(':', "%3A").replace('/', "%2F");
    format!("grant_type=authorization_code&code={code}&redirect_uri={uri}&client_id=shop&client_secret={SECRET}")
}

fn refresh_form(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}&client_id=shop&client_secret={SECRET}")
}

/// Sends the same form over several connections at once; none in the place of an answer that broke off.
fn all_at_once(http: Http, form: &str) -> Vec<Option<Answer>> {
    let mut sent: Vec<_> = (0..AT_ONCE).map(|_| http.try_open().ok()).collect();
    for connection in sent.iter_mut().flatten() {
        let request = connection.request("POST", "/token", &FORM, Some(form.as_bytes()));
        connection.write(&request);
    }
    let answer = |connection: Option<limen_testbed::Connection>| connection?.try_answer_to("POST").ok();
    sent.into_iter().map(|connection| answer(connection).filter(|answer| !answer.cut)).collect()
}

/// Exchanges the code and refreshes until the process dies; how often it was refreshed.
fn live(http: Http, family: &mut Family) -> usize {
    let answers = all_at_once(http, &exchange_form(&family.code));
    let won: Vec<&Answer> = answers.iter().flatten().filter(|answer| answer.status == 200).collect();
    for lost in answers.iter().flatten().filter(|answer| answer.status != 200) {
        assert_eq!((lost.status, lost.json()["error"].as_str()), (400, Some("invalid_grant")), "{}", lost.text());
    }
    assert!(won.len() <= 1, "{} exchanges of one code won", won.len());
    let Some(won) = won.first() else {
        assert!(answers.iter().any(Option::is_none), "nobody won, and the process lives");
        return 0;
    };
    let mut present = refresh_token(won);
    for turns in 0.. {
        let at = Instant::now();
        let answers = all_at_once(http, &refresh_form(&present));
        let mut bodies: Vec<&[u8]> = Vec::new();
        for answer in answers.iter().flatten() {
            assert_eq!(answer.status, 200, "{}", answer.text());
            bodies.push(&answer.body);
        }
        assert!(bodies.windows(2).all(|two| two[0] == two[1]), "two answers to one token");
        let first = answers.iter().flatten().next();
        family.last = Some((present, at, first.map(|answer| answer.body.clone())));
        let Some(first) = first.filter(|_| answers.iter().all(Option::is_some)) else { return turns };
        present = refresh_token(first);
    }
    0
}

/// The family goes on after the kill; its code is used then in any case.
fn goes_on(http: Http, family: &Family, outcomes: &mut Outcomes) {
    let ask = |form: &str| http.call("POST", "/token", &FORM, Some(form.as_bytes()));
    let Some((token, at, body)) = &family.last else {
        let again = ask(&exchange_form(&family.code));
        if again.status == 200 {
            outcomes.codes_won_later += 1;
            assert_eq!(ask(&refresh_form(&refresh_token(&again))).status, 200);
        } else {
            // It was exchanged, and the answer died with the process: begun again, the sign-in is whole.
            outcomes.codes_lost += 1;
            assert_eq!(again.json()["error"], "invalid_grant", "{}", again.text());
        }
        return;
    };
    let again = ask(&refresh_form(token));
    outcomes.refreshes_asked_again += 1;
    if again.status != 200 && at.elapsed() > SURELY_IN_TIME {
        outcomes.too_late += 1;
        return;
    }
    assert_eq!(again.status, 200, "a dead family: {}", again.text());
    if let Some(body) = body {
        assert_eq!(again.body, *body, "another answer than the one that was given");
    }
    let next = ask(&refresh_form(&refresh_token(&again)));
    assert_eq!(next.status, 200, "a dead family: {}", next.text());
}

fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned()
}
