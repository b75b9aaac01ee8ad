//! The programs of others that are measured or measure: found, or installed from the system's packages.

use anyhow::{Result, bail};

use crate::steps::{Step, has, program, run};

/// A tool, the Debian package that has it, and a command that shows whether it is there.
pub(crate) struct Tool {
    package: &'static str,
    probe: &'static [&'static str],
}

pub(crate) const VALGRIND: Tool = Tool { package: "valgrind", probe: &["valgrind", "--version"] };
pub(crate) const WRK: Tool = Tool { package: "wrk", probe: &["sh", "-c", "command -v wrk"] };
pub(crate) const NGINX: Tool = Tool { package: "nginx", probe: &["nginx", "-v"] };
pub(crate) const NGINX_LUA: Tool =
    Tool { package: "libnginx-mod-http-lua", probe: &["test", "-e", "/usr/lib/nginx/modules/ngx_http_lua_module.so"] };
pub(crate) const HAPROXY: Tool = Tool { package: "haproxy", probe: &["haproxy", "-v"] };
pub(crate) const H2LOAD: Tool = Tool { package: "nghttp2-client", probe: &["h2load", "--version"] };
pub(crate) const OPENSSL: Tool = Tool { package: "openssl", probe: &["openssl", "version"] };
pub(crate) const TASKSET: Tool = Tool { package: "util-linux", probe: &["taskset", "--version"] };

/// Sees to it that the tools are there. Only root can install; others are told what to install.
pub(crate) fn need(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&str> = tools.iter().filter(|tool| !has(tool.probe)).map(|tool| tool.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !has(&["sh", "-c", "test $(id -u) = 0 && command -v apt-get"]) {
        bail!("missing: {names}; install these packages (Debian's names), such as by: sudo apt-get install {names}");
    }
    let apt = |words: &[&str]| {
        Step::new("install", program("apt-get", words)).environment("DEBIAN_FRONTEND", "noninteractive")
    };
    run(&apt(&["update", "--quiet=2"]))?;
    let words = [&["install", "--yes", "--quiet=2", "--no-install-recommends"], missing.as_slice()].concat();
    run(&apt(&words))?;
    match tools.iter().find(|tool| !has(tool.probe)) {
        Some(tool) => bail!("{} was installed and does not answer", tool.package),
        None => Ok(()),
    }
}
