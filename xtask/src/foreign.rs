//! What others wrote and our tests use: OAuth libraries of JavaScript and Python, a browser with its driver, and real
//! OpenAPI documents.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::servers::install_packages;
use crate::steps::{self, Step, has, run, target_folder};

/// Where their versions are written down.
const WITH: &str = "crates/limen/tests/foreign/with";
const JAVASCRIPT: [&str; 2] = ["package.json", "package-lock.json"];
const PYTHON: &str = "requirements.txt";
const DOCUMENTS: &str = "documents.txt";

/// Installs what is missing or of another version than is written down, into the target folder.
pub(crate) fn install() -> Result<()> {
    let missing: Vec<&str> = ["npm", "chromium"].into_iter().filter(|name| !has(&[name, "--version"])).collect();
    install_packages(&missing, "OAuth libraries by others and a browser are run against Limen")?;
    if !has(&["node", "--eval", "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)"]) {
        bail!("Node is older than 20, which the browser's driver needs; install a newer one");
    }
    let folder = target_folder().join("foreign");
    fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    javascript(&folder)?;
    python(&folder)?;
    documents(&folder)
}

/// Documents out of packages: each package is fetched, compared with what is written down, and only the documents kept.
fn documents(folder: &Path) -> Result<()> {
    let written = written(&[DOCUMENTS])?;
    if is_installed(folder, "documents", &written) {
        return Ok(());
    }
    let place = folder.join("documents");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("{} can't be made anew", place.display()))?;
    }
    let mut packages: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for line in written.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match (line.strip_prefix("  "), packages.last_mut()) {
            (Some(file), Some((_, files))) => files.push(file),
            _ => packages.push((line.split_whitespace().collect(), Vec::new())),
        }
    }
    for (words, files) in &packages {
        let [name, version, integrity] = words.as_slice() else {
            bail!("{DOCUMENTS}: '{}' is no package", words.join(" "))
        };
        package(&place, name, version, integrity, files)?;
    }
    note(folder, "documents", &written)
}

fn package(place: &Path, name: &str, version: &str, integrity: &str, files: &[&str]) -> Result<()> {
    let into = place.join(name);
    fs::create_dir_all(&into).with_context(|| format!("{} can't be made", into.display()))?;
    let shown = into.display().to_string();
    let wanted = format!("{name}@{version}");
    let packed = Command::new("npm")
        .args(["pack", &wanted, "--json", "--ignore-scripts", "--pack-destination", &shown])
        .output()
        .context("npm can't be run")?;
    let told = String::from_utf8_lossy(&packed.stdout).into_owned();
    if !packed.status.success() || !told.contains(integrity) {
        bail!("{wanted} can't be fetched, or isn't what is written down; is the package registry reached?");
    }
    let archives = fs::read_dir(&into)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let archive = archives.into_iter().find(|path| path.extension().is_some_and(|one| one == "tgz"));
    let archive = archive.with_context(|| format!("{wanted} brought no archive"))?;
    let archive_shown = archive.display().to_string();
    let inner: Vec<String> = files.iter().map(|file| format!("package/{file}")).collect();
    let mut arguments = vec!["-xzf", &archive_shown, "-C", &shown, "--strip-components", "1"];
    arguments.extend(inner.iter().map(String::as_str));
    run(&Step::new("install", steps::program("tar", &arguments)).mend("is tar there?"))?;
    fs::remove_file(&archive)?;
    for packed in files.iter().filter(|file| file.ends_with(".gz")) {
        let file = into.join(packed).display().to_string();
        run(&Step::new("install", steps::program("gzip", &["-df", &file])).mend("is gzip there?"))?;
    }
    Ok(())
}

fn javascript(folder: &Path) -> Result<()> {
    let written = written(&JAVASCRIPT)?;
    if is_installed(folder, "javascript", &written) {
        return Ok(());
    }
    for name in JAVASCRIPT {
        fs::copy(steps::root().join(WITH).join(name), folder.join(name))?;
    }
    let place = folder.display().to_string();
    let words = ["ci", "--prefix", &place, "--ignore-scripts", "--no-audit", "--no-fund"];
    run(&Step::new("install", steps::program("npm", &words)).mend("is the package registry reached?"))?;
    note(folder, "javascript", &written)
}

fn python(folder: &Path) -> Result<()> {
    let written = written(&[PYTHON])?;
    if is_installed(folder, "python", &written) {
        return Ok(());
    }
    let place = folder.join("python").display().to_string();
    let made = || Step::new("install", steps::program("python3", &["-m", "venv", "--clear", &place]));
    if run(&made()).is_err() {
        install_packages(&["python3-venv"], "Python's OAuth libraries are run against Limen")?;
        run(&made())?;
    }
    let list = steps::root().join(WITH).join(PYTHON).display().to_string();
    let words = ["install", "--quiet", "--disable-pip-version-check", "--requirement", &list];
    let pip = format!("{place}/bin/pip");
    run(&Step::new("install", steps::program(&pip, &words)).mend("is the package registry reached?"))?;
    note(folder, "python", &written)
}

/// The texts of the lists of versions.
fn written(names: &[&str]) -> Result<String> {
    let read = |name: &&str| fs::read_to_string(steps::root().join(WITH).join(name));
    Ok(names.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat())
}

/// Whether the last installation that ended well was of these lists.
fn is_installed(folder: &Path, what: &str, written: &str) -> bool {
    fs::read_to_string(folder.join(format!("{what}.installed"))).is_ok_and(|noted| noted == written)
}

fn note(folder: &Path, what: &str, written: &str) -> Result<()> {
    fs::write(folder.join(format!("{what}.installed")), written).context("what was installed can't be noted")
}
