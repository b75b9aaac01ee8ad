//! What was measured on and with, in neutral words: cores, system, versions.

use std::fs;
use std::process::{Command, Stdio};

/// One line for the document.
pub(crate) fn described(profile: &str) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: String = kernel.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let versions = [
        told(&["nginx", "-v"], "nginx/"),
        told(&["haproxy", "-v"], "version "),
        told(&["rustc", "--version"], "rustc "),
    ];
    let [nginx, haproxy, rustc] = versions;
    format!(
        "{cores} cores ({}), Linux {kernel}, nginx {nginx}, HAProxy {haproxy}, rustc {rustc}, profile `{profile}`.",
        model.unwrap_or("unknown processor").trim()
    )
}

/// The word behind `before` in what a program tells.
fn told(words: &[&str], before: &str) -> String {
    let [name, rest @ ..] = words else { return String::new() };
    let output = Command::new(name).args(rest).stdin(Stdio::null()).output();
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let word = text.split_once(before).and_then(|(_, rest)| rest.split_whitespace().next());
    word.unwrap_or("unknown").split(['-', '+']).next().unwrap_or_default().to_owned()
}
