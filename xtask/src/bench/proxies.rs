//! Limen beside nginx, HAProxy and a blind copy of bytes.

use anyhow::{Context as _, Result};

use super::figures::{Series, bars, table};
use super::limen::Setup;
use super::load::{Request, Tls};
use super::rivals::{Form, certificate, haproxy, nginx, peer};
use super::rounds::{self, Contender, Lengths};
use super::{Options, document, machine, scratch, tools};

const USUAL: Lengths = Lengths { rounds: 7, load_s: 2, latency_s: 1 };

const DIRECT: &str = "the service itself";
const COPY: &str = "blind copy";
const NGINX: &str = "nginx, access log";
const NGINX_LUA: &str = "nginx + Lua, all checks, access log";
const HAPROXY: &str = "HAProxy";
const OPEN: &str = "Limen (a), no checks";
const CHECKED: &str = "Limen (b), all checks";
const ASSERTED: &str = "Limen (c), all checks, assertion";
const TOLD: &str = "Limen (d), all checks, access log, metrics";
const READ: &str = "Limen (e), all checks, a POST of 1 KB whose JSON is read";
const COMPARED: &str = "Limen (f), the same, compared with its schema";
const PLAIN: &str = "Limen (g), all checks, an operation with its permission";
const GUARDED: &str = "Limen (h), the same, with two Cedar policies";
/// The POST of (e) and (f), as a script of wrk's: BODY is filled in.
const POST: &str =
    "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = [==[BODY]==]\n";
const BODY: &str = include_str!("../../bench/order.json");

/// Settings for (a) to (c), and for (d): FOLDER is filled in. The counters of metrics are always on.
const QUIET: &str = "access_log: {file: \"off\"}";
const TELLING: &str = "access_log: {file: FOLDER/limen.access}\nmetrics: {listen: 127.0.0.1:0}";
const ENCRYPTED: &str = "gateway: {tls: {certificate_file: FOLDER/certificate.pem, key_file: FOLDER/key.pem}}";

/// Measures, tells, and writes where that was asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    tools::need(&[
        tools::TASKSET,
        tools::WRK,
        tools::H2LOAD,
        tools::NGINX,
        tools::NGINX_LUA,
        tools::HAPROXY,
        tools::OPENSSL,
    ])?;
    let (binary, peer_binary) = options.build()?;
    let folder = scratch("proxies")?;
    let place = folder.display().to_string();
    let lengths = Lengths { rounds: options.rounds.unwrap_or(USUAL.rounds), ..USUAL };
    certificate(&folder)?;

    let (_service, service) = peer(&peer_binary, &folder, None)?;
    let quiet = Setup::new("limen", &binary, &folder, service, QUIET)?;
    let limen = quiet.start()?;
    let credentials = quiet.credentials()?;
    let (copy, copy_at) = peer(&peer_binary, &folder, Some(service))?;
    let (plain, plain_at) = nginx(&folder, service, &Form::Plain)?;
    let (lua, lua_at) = nginx(&folder, service, &Form::Lua(&credentials))?;
    let (proxy, proxy_at) = haproxy(&folder, service, false)?;
    let headers = credentials.headers();
    let one = |name, process, address, path, headers: &[String]| Contender {
        name,
        process,
        request: Request { address, path, headers: headers.to_vec(), script: None },
        tls: None,
    };
    let script = folder.join("post.lua").display().to_string();
    std::fs::write(&script, POST.replace("BODY", BODY.trim()))?;
    let posted = |name, path| Contender {
        name,
        process: Some(&limen.process),
        request: Request { address: limen.address, path, headers: headers.clone(), script: Some(script.clone()) },
        tls: None,
    };
    // All send the same bytes, so that all read the same; Limen's key and token cost every proxy their reading.
    let mut contenders = vec![
        one(DIRECT, None, service, "/checked/one", &headers),
        one(COPY, Some(&copy), copy_at, "/checked/one", &headers),
        one(NGINX, Some(&plain), plain_at, "/checked/one", &headers),
        one(NGINX_LUA, Some(&lua), lua_at, "/checked/one", &headers),
        one(HAPROXY, Some(&proxy), proxy_at, "/checked/one", &headers),
        one(OPEN, Some(&limen.process), limen.address, "/open/one", &headers),
        one(CHECKED, Some(&limen.process), limen.address, "/checked/one", &headers),
        one(ASSERTED, Some(&limen.process), limen.address, "/asserted/one", &headers),
        posted(READ, "/read/orders"),
        posted(COMPARED, "/compared/orders"),
        one(PLAIN, Some(&limen.process), limen.address, "/plain/orders/42", &headers),
        one(GUARDED, Some(&limen.process), limen.address, "/guarded/orders/42", &headers),
    ];
    let telling = Setup::new("limen-telling", &binary, &folder, service, &TELLING.replace("FOLDER", &place))?;
    let (telling_limen, telling_headers);
    if telling.is_known() {
        telling_limen = telling.start()?;
        telling_headers = telling.credentials()?.headers();
        let (process, address) = (Some(&telling_limen.process), telling_limen.address);
        contenders.push(one(TOLD, process, address, "/checked/one", &telling_headers));
    }
    println!("HTTP/1.1: {} contenders, {} rounds", contenders.len(), lengths.rounds);
    let series = rounds::run(&contenders, service, lengths)?;

    let encrypted = Setup::new("limen-tls", &binary, &folder, service, &ENCRYPTED.replace("FOLDER", &place))?;
    let tls = tls_rounds(&encrypted, &folder, service, lengths)?;
    report(options, &series, &tls)
}

/// The same over TLS, with HTTP/1.1 and HTTP/2 towards callers.
fn tls_rounds(
    setup: &Setup,
    folder: &std::path::Path,
    service: std::net::SocketAddr,
    lengths: Lengths,
) -> Result<Vec<Series>> {
    let (plain, plain_at) = nginx(folder, service, &Form::Tls)?;
    let (proxy, proxy_at) = haproxy(folder, service, true)?;
    let one = |name, process, address, path, tls, headers: &[String]| Contender {
        name,
        process: Some(process),
        request: Request { address, path, headers: headers.to_vec(), script: None },
        tls: Some(tls),
    };
    let limen = if setup.is_known() { Some((setup.start()?, setup.credentials()?.headers())) } else { None };
    let headers = limen.as_ref().map_or_else(Vec::new, |(_, headers)| headers.clone());
    let mut contenders = vec![
        one("nginx, access log; HTTP/1.1 over TLS", &plain, plain_at, "/checked/one", Tls::Http1, &headers),
        one("nginx, access log; HTTP/2 over TLS", &plain, plain_at, "/checked/one", Tls::Http2, &headers),
        one("HAProxy; HTTP/1.1 over TLS", &proxy, proxy_at, "/checked/one", Tls::Http1, &headers),
        one("HAProxy; HTTP/2 over TLS", &proxy, proxy_at, "/checked/one", Tls::Http2, &headers),
    ];
    if let Some((limen, headers)) = &limen {
        let (process, at) = (&limen.process, limen.address);
        contenders.extend([
            one("Limen (a), no checks; HTTP/1.1 over TLS", process, at, "/open/one", Tls::Http1, headers),
            one("Limen (a), no checks; HTTP/2 over TLS", process, at, "/open/one", Tls::Http2, headers),
            one("Limen (b), all checks; HTTP/1.1 over TLS", process, at, "/checked/one", Tls::Http1, headers),
            one("Limen (b), all checks; HTTP/2 over TLS", process, at, "/checked/one", Tls::Http2, headers),
        ]);
    }
    println!("over TLS: {} contenders, {} rounds", contenders.len(), lengths.rounds);
    rounds::run(&contenders, service, lengths)
}

fn of<'s>(series: &'s [Series], name: &str) -> Result<&'s Series> {
    series.iter().find(|one| one.name == name).with_context(|| format!("{name} was not measured"))
}

fn report(options: &Options, series: &[Series], tls: &[Series]) -> Result<()> {
    let (direct, copy, plain) = (of(series, DIRECT)?, of(series, COPY)?, of(series, NGINX)?);
    let absent = |name: &str, columns: usize| {
        let mut row = vec![name.to_owned(), "not in this build".to_owned()];
        row.resize(columns, String::new());
        row
    };
    let mut rows = Vec::new();
    for one in series.iter().filter(|one| one.name != DIRECT) {
        let (low, high) = one.span_us();
        rows.push(vec![
            one.name.to_owned(),
            format!("{:.1}", one.cpu_us()),
            format!("{low:.1} to {high:.1}"),
            format!("{:.2}", one.ratio(plain)),
            format!("{:.2}", one.ratio(copy)),
            format!("{:.0}", one.added_p50_us(direct)),
        ]);
    }
    if of(series, TOLD).is_err() {
        rows.push(absent(TOLD, 6));
    }
    let head = ["", "CPU a call, µs", "lowest to highest", "beside nginx", "beside the copy", "added p50, µs"];
    let plain_table = table(&head, &rows);

    let mut rows = Vec::new();
    for one in tls {
        let protocol = one.name.split_once("; ").map_or("", |(_, protocol)| protocol);
        let beside = |who: &str| of(tls, &format!("{who}; {protocol}")).map(|other| format!("{:.2}", one.ratio(other)));
        let (low, high) = one.span_us();
        rows.push(vec![
            one.name.to_owned(),
            format!("{:.1}", one.cpu_us()),
            format!("{low:.1} to {high:.1}"),
            beside(NGINX)?,
            beside(HAPROXY)?,
        ]);
    }
    if !tls.iter().any(|one| one.name.starts_with("Limen")) {
        rows.push(absent("Limen over TLS", 5));
    }
    let head = ["", "CPU a call, µs", "lowest to highest", "beside nginx", "beside HAProxy"];
    let tls_table = table(&head, &rows);

    let aims = aims(series)? + "\n" + &costs(series)?;
    let rounds = plain.samples.len();
    let measured = format!("{} {rounds} rounds.", machine::described(&options.profile));
    let times = |series: &[Series]| -> Vec<(&'static str, f64)> {
        series.iter().filter(|one| one.name != DIRECT).map(|one| (one.name, one.cpu_us())).collect()
    };
    println!("\n{measured}\n\n{plain_table}\n{tls_table}\n{aims}");
    println!("CPU a call, µs\n\n{}\n{}", bars(&times(series)), bars(&times(tls)));
    if options.write {
        document::write("proxies", &format!("{measured}\n\n{plain_table}\n{tls_table}\n{aims}"))?;
    }
    Ok(())
}

/// What single checks cost, each as the difference of two that are alike but for it.
fn costs(series: &[Series]) -> Result<String> {
    let more = |what: &str, with: &str, without: &str| -> Result<Vec<String>> {
        let (with, without) = (of(series, with)?, of(series, without)?);
        Ok(vec![what.to_owned(), format!("{:.1}", with.more_us(without)), format!("{:.2}", with.ratio(without))])
    };
    let rows = [
        more("with schema validation of a 1 KB body: (f) over (e)", COMPARED, READ)?,
        more("with two Cedar policies: (h) over (g)", GUARDED, PLAIN)?,
    ];
    Ok(table(&["a call", "more CPU, µs", "beside the call without"], &rows))
}

/// What we aim at, and what was reached.
fn aims(series: &[Series]) -> Result<String> {
    let (direct, copy, plain) = (of(series, DIRECT)?, of(series, COPY)?, of(series, NGINX)?);
    let (open, checked) = (of(series, OPEN)?, of(series, CHECKED)?);
    let (full, name) = match of(series, TOLD) {
        Ok(told) => (told, "(d)"),
        Err(_) => (checked, "(b), no log in this build"),
    };
    let row = |what: String, aim: f64, reached: f64, digits: usize| {
        let verdict = if reached <= aim { "reached" } else { "missed" };
        vec![what, format!("{aim:.digits$}"), format!("{reached:.digits$}"), verdict.to_owned()]
    };
    let rows = [
        row(format!("{name} beside nginx's plain proxy with its access log"), 1.0, full.ratio(plain), 2),
        row(format!("{name} beside the blind copy"), 1.2, full.ratio(copy), 2),
        row("all checks: (b) over (a), µs".into(), 2.0, checked.more_us(open), 1),
        row(
            format!("added p50 of {name}, µs, at most nginx's"),
            plain.added_p50_us(direct),
            full.added_p50_us(direct),
            0,
        ),
    ];
    Ok(table(&["aim", "at most", "is", ""], &rows))
}
