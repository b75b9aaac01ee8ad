//! What `cargo xtask bench sign-ins` loads the sign-in endpoints with: people who allow an application, and the
//! application that exchanges, refreshes and introspects. Its secrets come by the environment.
//!
//! `bench_sign_ins WEB PROCESS COUNT`; tells a line for each kind of request and number of callers: name, callers,
//! requests a second, processor time of PROCESS a request in microseconds.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use limen_testbed::browser::{encoded, parameter};
use limen_testbed::{Browser, Http};

const AUTHORIZATION: &str =
    "/authorization?client_id=shop&response_type=code&state=s&redirect_uri=http%3A%2F%2F127.0.0.1%2Fback";
/// At a time, over as many connections.
const CALLERS: [usize; 2] = [1, 16];

struct Bench {
    web: SocketAddr,
    process: u32,
    secret: String,
}

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_sign_ins: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let [web, process, count] = arguments else { bail!("say WEB PROCESS COUNT") };
    let count: usize = count.parse().context("COUNT is a number")?;
    let told = |name: &str| std::env::var(name).with_context(|| format!("{name} isn't set"));
    let bench = Bench { web: web.parse()?, process: process.parse()?, secret: told("SECRET")? };
    let mut person = Browser::new(Http::to(bench.web));
    // The first time asks; from then on the consent is remembered.
    person.authorize(AUTHORIZATION, "bo", &told("PASSWORD")?);
    let cookies: Vec<String> = person.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cookies = cookies.join("; ");
    for callers in CALLERS {
        let asked = vec![(); count];
        let codes = bench.measure("codes", callers, &asked, |connection, ()| {
            let answer = connection.try_call("GET", AUTHORIZATION, &[("Cookie", &cookies)], None)?;
            let address = answer.header("location").context("no redirect")?;
            parameter(address, "code").context("no code")
        })?;
        let exchange = |code: &String| {
            format!("grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%2Fback")
        };
        let first = bench.measure("exchanges", callers, &codes, |connection, code| {
            bench.post(connection, "/token", &exchange(code))
        })?;
        let refresh = |token: &serde_json::Value| {
            let token = token["refresh_token"].as_str().unwrap_or_default();
            format!("grant_type=refresh_token&refresh_token={}", encoded(token))
        };
        let second = bench.measure("refreshes", callers, &first, |connection, token| {
            bench.post(connection, "/token", &refresh(token))
        })?;
        bench.measure("introspections", callers, &second, |connection, token| {
            let token = token["access_token"].as_str().unwrap_or_default();
            let told = bench.post(connection, "/introspect", &format!("token={}", encoded(token)))?;
            if told["active"] != true { bail!("not active: {told}") } else { Ok(()) }
        })?;
    }
    Ok(())
}

impl Bench {
    /// One request for each of `items`, by so many callers, each over a connection of its own.
    fn measure<I: Sync, T: Send>(
        &self,
        name: &str,
        callers: usize,
        items: &[I],
        ask: impl Fn(&mut limen_testbed::Connection, &I) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let answers = Mutex::new(Vec::with_capacity(items.len()));
        let share = items.len().div_ceil(callers);
        let (cpu_before_us, began) = (self.cpu_us()?, Instant::now());
        std::thread::scope(|scope| {
            let (answers, ask) = (&answers, &ask);
            let threads: Vec<_> = items
                .chunks(share)
                .map(|share| {
                    scope.spawn(move || -> Result<()> {
                        let mut connection = Http::to(self.web).open();
                        for item in share {
                            let answer = ask(&mut connection, item)?;
                            answers.lock().map_err(|_| anyhow::anyhow!("a caller failed"))?.push(answer);
                        }
                        Ok(())
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| bail!("a caller failed")))
        })?;
        let (took_s, cpu_us) = (began.elapsed().as_secs_f64(), self.cpu_us()? - cpu_before_us);
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let requests = items.len() as f64;
        println!("{name} {callers} {:.1} {:.1}", requests / took_s, cpu_us / requests);
        answers.into_inner().map_err(|_| anyhow::anyhow!("a caller failed"))
    }

    fn post(&self, connection: &mut limen_testbed::Connection, target: &str, form: &str) -> Result<serde_json::Value> {
        let body = format!("client_id=shop&client_secret={}&{form}", self.secret);
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let answer = connection.try_call("POST", target, &headers, Some(body.as_bytes()))?;
        if answer.status != 200 {
            bail!("{target} answered {}: {}", answer.status, answer.text());
        }
        Ok(answer.json())
    }

    /// Processor time that all threads of the process have used.
    fn cpu_us(&self) -> Result<f64> {
        let mut used_ns = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.process))? {
            let text = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            used_ns += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        Ok(used_ns as f64 / 1e3)
    }
}
