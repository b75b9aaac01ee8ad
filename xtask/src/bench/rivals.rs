//! The programs that Limen is measured beside, each on one core in front of the same service.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::limen::Credentials;
use super::process::{MEASURED_CORE, OTHER_CORE, Process, free_address, output};

const NGINX: &str = include_str!("../../bench/nginx.conf");
const NGINX_LUA: &str = include_str!("../../bench/nginx-lua.conf");
const LUA_CHECKS: &str = include_str!("../../bench/checks.lua");
const HAPROXY: &str = include_str!("../../bench/haproxy.cfg");
const LUA_MODULES: &str = "load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;";

/// What nginx does besides.
pub(crate) enum Form<'a> {
    Plain,
    Tls,
    Lua(&'a Credentials),
}

/// A running program and where it takes calls.
pub(crate) type Rival = (Process, SocketAddr);

/// The service that all stand in front of, or the blind copy of bytes.
pub(crate) fn peer(binary: &Path, folder: &Path, target: Option<SocketAddr>) -> Result<Rival> {
    let binary = binary.display().to_string();
    let target = target.map(|target| target.to_string());
    let (name, core) = if target.is_some() { ("copy", MEASURED_CORE) } else { ("service", OTHER_CORE) };
    let mut words = vec![binary.as_str(), name, "127.0.0.1:0"];
    words.extend(target.as_deref());
    let mut process = Process::start(name, core, folder, &words)?;
    let address = process.first_line(Duration::from_secs(10))?.parse()?;
    Ok((process, address))
}

pub(crate) fn nginx(folder: &Path, service: SocketAddr, form: &Form<'_>) -> Result<Rival> {
    let address = free_address()?;
    let place = folder.display().to_string();
    let (name, listen) = match form {
        Form::Plain => ("nginx", address.to_string()),
        Form::Tls => ("nginx-tls", format!("{address} ssl http2")),
        Form::Lua(_) => ("nginx-lua", address.to_string()),
    };
    let (mut module, mut settings, mut dictionaries, mut checks) = ("", String::new(), String::new(), String::new());
    match form {
        Form::Plain => {}
        Form::Tls => {
            settings = format!("ssl_certificate {place}/certificate.pem; ssl_certificate_key {place}/key.pem;");
        }
        Form::Lua(credentials) => {
            module = LUA_MODULES;
            dictionaries = NGINX_LUA.replace("KEY", &credentials.key).replace("TOKEN", &credentials.token);
            checks = format!("access_by_lua_file {place}/checks.lua;");
            fs::write(folder.join("checks.lua"), LUA_CHECKS)?;
        }
    }
    let config: String = NGINX.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    let config = config
        .replace("LISTEN_SETTINGS", &settings)
        .replace("LISTEN", &listen)
        .replace("MODULE", module)
        .replace("CHECKS", &checks)
        .replace("SERVICE", &service.to_string())
        .replace("FOLDER", &place)
        .replace("NAME", name)
        .replace("DICTIONARIES", &dictionaries);
    let file = folder.join(format!("{name}.conf"));
    fs::write(&file, config)?;
    let words = ["nginx", "-c", &file.display().to_string(), "-p", &place];
    Ok((Process::start(name, MEASURED_CORE, folder, &words)?.listens(address)?, address))
}

pub(crate) fn haproxy(folder: &Path, service: SocketAddr, tls: bool) -> Result<Rival> {
    let address = free_address()?;
    let name = if tls { "haproxy-tls" } else { "haproxy" };
    let settings = if tls { format!("ssl crt {}/both.pem alpn h2,http/1.1", folder.display()) } else { String::new() };
    let config = HAPROXY
        .replace("BIND_SETTINGS", &settings)
        .replace("ADDRESS", &address.to_string())
        .replace("SERVICE", &service.to_string());
    let file = folder.join(format!("{name}.cfg"));
    fs::write(&file, config)?;
    let words = ["haproxy", "-db", "-f", &file.display().to_string()];
    Ok((Process::start(name, MEASURED_CORE, folder, &words)?.listens(address)?, address))
}

/// Makes a certificate that signs itself, with a P-256 key, for all that speak TLS.
pub(crate) fn certificate(folder: &Path) -> Result<()> {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
                 -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out certificate.pem";
    output(Command::new("openssl").args(words.split_whitespace()).current_dir(folder))?;
    let both = fs::read_to_string(folder.join("certificate.pem"))? + &fs::read_to_string(folder.join("key.pem"))?;
    fs::write(folder.join("both.pem"), both)?;
    Ok(())
}
