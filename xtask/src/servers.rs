//! The servers that Limen's reading is compared with, from the system's packages.

use anyhow::{Result, bail};

use crate::steps::{self, Step, has, run};

/// A package, and what it is known by.
const SERVERS: [(&str, &[&str]); 3] = [
    ("nginx-light", &["/usr/sbin/nginx", "-v"]),
    ("apache2-bin", &["/usr/sbin/apache2", "-v"]),
    ("nodejs", &["node", "--version"]),
];

/// Installs those that are missing, where that is ours to do.
pub(crate) fn install() -> Result<()> {
    let missing: Vec<&str> = SERVERS.iter().filter(|(_, probe)| !has(probe)).map(|(package, _)| *package).collect();
    install_packages(&missing, "what Limen lets through is compared with how they read it")
}

/// Installs packages of the system, or tells why they are needed where that isn't ours to do.
pub(crate) fn install_packages(missing: &[&str], why: &str) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let fixed = ["install", "--yes", "--no-install-recommends"];
    let words = [&fixed[..], missing].concat();
    if !has(&["apt-get", "--version"]) || !has(&["test", "-w", "/var/lib/dpkg"]) {
        bail!("missing: {}; {why}. As root: apt-get {}", missing.join(", "), words.join(" "));
    }
    // A machine that was made from an image may know of no packages, or of old ones.
    run(&Step::new("install", steps::program("apt-get", &["update"])))?;
    run(&Step::new("install", steps::program("apt-get", &words)).environment("DEBIAN_FRONTEND", "noninteractive"))
}
