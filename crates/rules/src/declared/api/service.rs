//! Whether an API's targets, breaker and health checks are right by themselves.

use super::{DAY_S, HOUR_MS, Problems, check_target, literal, shown};
use crate::model::{Api, Health, SAMPLE_TARGET, TargetTls};

const TARGETS_MAX: usize = 32;
const WEIGHT_MAX: u64 = 100;
const FAILURES_MAX: u64 = 1_000;
const CHECKS_MAX: u64 = 100;

pub(super) fn check(field: &str, api: &Api, problems: &mut Problems) {
    match (&api.target, api.targets.is_empty()) {
        (Some(target), true) => problems.take(format!("{field}.target"), check_target(target).err()),
        (Some(_), false) => {
            let mend = "keep 'target' for one address, or 'targets' for several with weights";
            problems.add(format!("{field}.targets"), "stands beside 'target'", mend);
        }
        (None, true) => {
            let mend = "add 'target: …', or 'targets:' with one address or more";
            problems.add(format!("{field}.target"), "is missing", mend);
        }
        (None, false) => {}
    }
    check_targets(field, api, problems);
    check_tls(field, api, problems);
    let breaker = &api.breaker;
    problems.range(format!("{field}.breaker.failures"), breaker.failures.into(), 1, FAILURES_MAX, "failures");
    problems.range(format!("{field}.breaker.window_s"), breaker.window_s, 1, DAY_S, "seconds");
    problems.range(format!("{field}.breaker.open_s"), breaker.open_s, 1, DAY_S, "seconds");
    if let Some(health) = &api.health {
        check_health(&format!("{field}.health"), health, problems);
    }
    problems.range(format!("{field}.auto_incident_after_s"), api.auto_incident_after_s, 1, DAY_S, "seconds");
}

fn check_targets(field: &str, api: &Api, problems: &mut Problems) {
    if api.targets.len() > TARGETS_MAX {
        let message = format!("{} targets are more than {TARGETS_MAX}", api.targets.len());
        problems.add(format!("{field}.targets"), message, "put a load balancer in front of some of them");
    }
    for (at, target) in api.targets.iter().enumerate() {
        let place = format!("{field}.targets[{at}]");
        if target.url == SAMPLE_TARGET {
            let message = format!("'{SAMPLE_TARGET}' can't be one of several");
            problems.add(format!("{place}.url"), message, "give it to 'target' of an API of its own");
        } else {
            problems.take(format!("{place}.url"), check_target(&target.url).err());
        }
        problems.range(format!("{place}.weight"), target.weight.into(), 1, WEIGHT_MAX, "as a weight");
        let earlier = api.targets.iter().take(at);
        if earlier.map(|one| one.url.trim_end_matches('/')).any(|url| url == target.url.trim_end_matches('/')) {
            let message = format!("'{}' is listed twice", shown(&target.url));
            problems.add(format!("{place}.url"), message, "remove one of them; a weight gives it more calls");
        }
    }
}

fn check_tls(field: &str, api: &Api, problems: &mut Problems) {
    let Some(tls) = &api.target_tls else { return };
    let field = format!("{field}.target_tls");
    if !api.target_urls().any(|url| url.starts_with("https://")) {
        let message = "is for targets over TLS, and the API has none";
        problems.add(field.clone(), message, "write the target as https://…, or remove target_tls");
    }
    let TargetTls { ca_file, certificate_file, key_file, server_name } = tls;
    match (certificate_file, key_file) {
        (Some(_), None) => problems.add(
            format!("{field}.certificate_file"),
            "has no key beside it",
            "add 'key_file' with the certificate's private key",
        ),
        (None, Some(_)) => problems.add(
            format!("{field}.key_file"),
            "has no certificate beside it",
            "add 'certificate_file', or remove the key",
        ),
        _ => {}
    }
    let files = [("ca_file", ca_file), ("certificate_file", certificate_file), ("key_file", key_file)];
    for (name, path) in files {
        if path.as_ref().is_some_and(|path| path.is_empty() || path.contains('\0')) {
            problems.add(
                format!("{field}.{name}"),
                "is not the path of a file",
                "name a file in PEM, or remove the field",
            );
        }
    }
    if let Some(name) = server_name.as_deref().filter(|name| !is_server_name(name)) {
        let message = format!("'{}' is neither a name nor an address", shown(name));
        problems.add(format!("{field}.server_name"), message, "write it like orders.internal, without a port");
    }
}

fn is_server_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |one: u8| one.is_ascii_alphanumeric() || one == b'-' || one == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|one| one.is_ascii_digit());
    let is_name = name.len() <= 253 && name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(is_number);
    is_name || name.parse::<std::net::IpAddr>().is_ok()
}

fn check_health(field: &str, health: &Health, problems: &mut Problems) {
    let path = health.path.split('?').next().unwrap_or_default();
    let is_plain = |rest: &str| rest.is_empty() || rest.split('/').all(|segment| literal(path, segment).is_ok());
    let is_query = health.path.bytes().all(|one| one.is_ascii_graphic() && one != b'#');
    if !path.strip_prefix('/').is_some_and(is_plain) || !is_query || health.path.len() > 500 {
        let message = format!("'{}' is not a path that can be asked for", shown(&health.path));
        problems.add(format!("{field}.path"), message, "write it like /healthz");
    }
    problems.range(format!("{field}.interval_s"), health.interval_s, 1, DAY_S, "seconds");
    problems.range(format!("{field}.timeout_ms"), health.timeout_ms, 1, HOUR_MS, "milliseconds");
    problems.range(format!("{field}.healthy"), health.healthy.into(), 1, CHECKS_MAX, "checks");
    problems.range(format!("{field}.unhealthy"), health.unhealthy.into(), 1, CHECKS_MAX, "checks");
}
