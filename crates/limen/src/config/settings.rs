//! How the process is set up: addresses, folders, log. One table of keys for the file, the environment and flags.
//!
//! Precedence: flag, then environment, then file, then default. Nothing here opens a file or a socket.

mod edge;
mod listen;
mod provider;

use std::path::PathBuf;
use std::time::Duration;

use limen_gateway::access_log::Format;
use limen_gateway::edge::Edge;
use limen_gateway::tls::{Files, Versions};
use limen_rules::declared::{Complaint, nearest};
use serde_json::Value as Json;
use tracing::level_filters::LevelFilter;

pub(crate) use self::listen::Listen;
use self::listen::listen;
pub(crate) use self::provider::{OutboundSettings, ProviderKey, ProviderSettings};
use super::tls::{Part, TlsDraft};

/// How the process is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where calls are accepted.
    pub(crate) gateway_listen: Listen,
    /// The gateway's address as callers see it, without a slash at its end; none: where it listens.
    pub(crate) gateway_public_url: Option<String>,
    /// TLS where calls are accepted.
    pub(crate) gateway_tls: Option<Files>,
    /// How long the gateway decides from a snapshot that the store didn't confirm.
    pub(crate) snapshot_max_age: Duration,
    /// How callers' connections are met.
    pub(crate) edge: Edge,
    /// Where pages are served.
    pub(crate) web_listen: Listen,
    /// The web address as people see it, without a slash at its end; none: where it listens.
    pub(crate) web_public_url: Option<String>,
    /// TLS where pages are served.
    pub(crate) web_tls: Option<Files>,
    /// The folder of the store and the admin socket.
    pub(crate) data_dir: PathBuf,
    /// The file of the secret that encrypts signing keys; never inside `data_dir`.
    pub(crate) secret_file: PathBuf,
    /// The form of log lines.
    pub(crate) log_format: LogFormat,
    /// What is logged.
    pub(crate) log_level: LevelFilter,
    /// Where calls are written down, if they are.
    pub(crate) access_log: AccessLogTo,
    /// The form of the access log's lines.
    pub(crate) access_log_format: Format,
    /// The size at which its file is moved aside.
    pub(crate) access_log_max_bytes: u64,
    /// How many older files of it are kept.
    pub(crate) access_log_keep: u32,
    /// Where figures for a monitoring system are served besides the admin socket.
    pub(crate) metrics_listen: Option<Listen>,
    /// What of one's own network requests that people cause may reach.
    pub(crate) outbound: OutboundSettings,
    /// The OpenID Connect provider through which people sign in, if there is one.
    pub(crate) provider: Option<ProviderSettings>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccessLogTo {
    /// A file in the data folder.
    DataDir,
    /// A file elsewhere.
    File(PathBuf),
    /// The standard output.
    Output,
    /// Nowhere.
    Off,
}

/// A key of the settings, as the file nests it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    GatewayListen,
    GatewayPublicUrl,
    GatewaySnapshotMaxAge,
    Edge(EdgeKey),
    GatewayTls(Part),
    WebListen,
    WebPublicUrl,
    WebTls(Part),
    DataDir,
    SecretFile,
    LogFormat,
    LogLevel,
    AccessLogFile,
    AccessLogFormat,
    AccessLogMaxSize,
    AccessLogKeep,
    MetricsListen,
    OutboundAllow,
    OutboundCaFile,
    Provider(ProviderKey),
}

/// A key of how callers' connections are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EdgeKey {
    TrustedProxies,
    ForwardedField,
    ProxyProtocol,
    ConnectionsMax,
    ConnectionsPerAddressMax,
    HeadTimeout,
    IdleTimeout,
    StallTimeout,
    SlowestRate,
    DrainGrace,
    DrainTimeout,
}

/// Every key with its path in the file.
pub(crate) const KEYS: &[(Key, &str)] = &[
    (Key::GatewayListen, "gateway.listen"),
    (Key::GatewayPublicUrl, "gateway.public_url"),
    (Key::GatewaySnapshotMaxAge, "gateway.snapshot_max_age_s"),
    (Key::Edge(EdgeKey::TrustedProxies), "gateway.trusted_proxies"),
    (Key::Edge(EdgeKey::ForwardedField), "gateway.forwarded_field"),
    (Key::Edge(EdgeKey::ProxyProtocol), "gateway.proxy_protocol"),
    (Key::Edge(EdgeKey::ConnectionsMax), "gateway.connections_max"),
    (Key::Edge(EdgeKey::ConnectionsPerAddressMax), "gateway.connections_per_address_max"),
    (Key::Edge(EdgeKey::HeadTimeout), "gateway.head_timeout_s"),
    (Key::Edge(EdgeKey::IdleTimeout), "gateway.idle_timeout_s"),
    (Key::Edge(EdgeKey::StallTimeout), "gateway.stall_timeout_s"),
    (Key::Edge(EdgeKey::SlowestRate), "gateway.slowest_bytes_per_s"),
    (Key::Edge(EdgeKey::DrainGrace), "gateway.drain_grace_ms"),
    (Key::Edge(EdgeKey::DrainTimeout), "gateway.drain_timeout_s"),
    (Key::GatewayTls(Part::CertificateFile), "gateway.tls.certificate_file"),
    (Key::GatewayTls(Part::KeyFile), "gateway.tls.key_file"),
    (Key::GatewayTls(Part::CallerCaFile), "gateway.tls.caller_ca_file"),
    (Key::GatewayTls(Part::CallerCertificates), "gateway.tls.caller_certificates"),
    (Key::WebListen, "web.listen"),
    (Key::WebPublicUrl, "web.public_url"),
    (Key::WebTls(Part::CertificateFile), "web.tls.certificate_file"),
    (Key::WebTls(Part::KeyFile), "web.tls.key_file"),
    (Key::DataDir, "data_dir"),
    (Key::SecretFile, "secret_file"),
    (Key::LogFormat, "log.format"),
    (Key::LogLevel, "log.level"),
    (Key::AccessLogFile, "access_log.file"),
    (Key::AccessLogFormat, "access_log.format"),
    (Key::AccessLogMaxSize, "access_log.max_mib"),
    (Key::AccessLogKeep, "access_log.keep"),
    (Key::MetricsListen, "metrics.listen"),
    (Key::OutboundAllow, "outbound.allow"),
    (Key::OutboundCaFile, "outbound.ca_file"),
    (Key::Provider(ProviderKey::Issuer), "sign_in.provider.issuer"),
    (Key::Provider(ProviderKey::ApplicationId), "sign_in.provider.application_id"),
    (Key::Provider(ProviderKey::SecretFile), "sign_in.provider.secret_file"),
    (Key::Provider(ProviderKey::Title), "sign_in.provider.title"),
    (Key::Provider(ProviderKey::Scopes), "sign_in.provider.scopes"),
    (Key::Provider(ProviderKey::LinkByEmail), "sign_in.provider.link_by_email"),
    (Key::Provider(ProviderKey::Only), "sign_in.provider.only"),
];

/// The folder of the store unless another is told.
pub(crate) const DEFAULT_DATA_DIR: &str = "./limen-data";

/// Settings while they are gathered.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    settings: Settings,
    secret_file: Option<PathBuf>,
    gateway_tls: TlsDraft,
    web_tls: TlsDraft,
}

impl Default for Draft {
    fn default() -> Self {
        let loopback = |port| Listen::of(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
        let settings = Settings {
            gateway_listen: loopback(8080),
            gateway_public_url: None,
            gateway_tls: None,
            snapshot_max_age: Duration::from_secs(900),
            edge: Edge::default(),
            web_listen: loopback(8081),
            web_public_url: None,
            web_tls: None,
            data_dir: PathBuf::from(DEFAULT_DATA_DIR),
            secret_file: PathBuf::new(),
            log_format: LogFormat::Text,
            log_level: LevelFilter::INFO,
            access_log: AccessLogTo::DataDir,
            access_log_format: Format::Json,
            access_log_max_bytes: 64 << 20,
            access_log_keep: 4,
            metrics_listen: None,
            outbound: OutboundSettings::default(),
            provider: None,
        };
        Self { settings, secret_file: None, gateway_tls: TlsDraft::default(), web_tls: TlsDraft::default() }
    }
}

impl Draft {
    /// Sets one key from its text.
    ///
    /// # Errors
    /// What is wrong with the text and how to mend it; the key keeps its value.
    pub(crate) fn set(&mut self, key: Key, text: &str) -> Result<(), Complaint> {
        let settings = &mut self.settings;
        match key {
            Key::GatewayListen => settings.gateway_listen = listen(text)?,
            Key::WebListen => settings.web_listen = listen(text)?,
            Key::GatewayPublicUrl => settings.gateway_public_url = Some(public_url(text)?),
            Key::WebPublicUrl => settings.web_public_url = Some(public_url(text)?),
            Key::GatewaySnapshotMaxAge => settings.snapshot_max_age = age(text)?,
            Key::Edge(key) => edge::set(&mut settings.edge, key, text)?,
            Key::GatewayTls(Part::CallerCertificates) | Key::WebTls(Part::CallerCertificates) => {
                let required = choice(text, &[("required", true), ("optional", false)])?;
                self.gateway_tls.set_callers_required(required);
            }
            Key::GatewayTls(part) => self.gateway_tls.set_file(part, path(text)?),
            Key::WebTls(part) => self.web_tls.set_file(part, path(text)?),
            Key::DataDir => settings.data_dir = path(text)?,
            Key::SecretFile => self.secret_file = Some(path(text)?),
            Key::LogFormat => {
                settings.log_format = choice(text, &[("text", LogFormat::Text), ("json", LogFormat::Json)])?;
            }
            Key::LogLevel => {
                let levels = [
                    ("error", LevelFilter::ERROR),
                    ("warn", LevelFilter::WARN),
                    ("info", LevelFilter::INFO),
                    ("debug", LevelFilter::DEBUG),
                    ("trace", LevelFilter::TRACE),
                ];
                settings.log_level = choice(text, &levels)?;
            }
            Key::AccessLogFile => {
                settings.access_log = match text {
                    "-" => AccessLogTo::Output,
                    "off" => AccessLogTo::Off,
                    _ => AccessLogTo::File(path(text)?),
                };
            }
            Key::AccessLogFormat => {
                settings.access_log_format = choice(text, &[("json", Format::Json), ("text", Format::Text)])?;
            }
            Key::AccessLogMaxSize => settings.access_log_max_bytes = whole(text, 1, 1 << 20, "MiB")? << 20,
            Key::AccessLogKeep => {
                settings.access_log_keep = u32::try_from(whole(text, 0, 1_000, "files")?).unwrap_or(u32::MAX);
            }
            Key::MetricsListen => {
                settings.metrics_listen = if text == "off" { None } else { Some(listen(text)?) };
            }
            Key::OutboundAllow => settings.outbound.allowed = provider::allowed(text)?,
            Key::OutboundCaFile => settings.outbound.ca_file = Some(path(text)?),
            Key::Provider(key) => provider::set(settings.provider.get_or_insert_default(), key, text)?,
        }
        Ok(())
    }

    /// Takes what is no single text: the gateway's list of certificates.
    pub(crate) fn set_certificates(&mut self, gateway: Option<&Json>) {
        self.gateway_tls.set_list(gateway.and_then(|gateway| gateway.get("tls")?.get("certificates")));
    }

    /// What of TLS doesn't fit together.
    pub(crate) fn tls_flaws(&self) -> Vec<(Key, Complaint)> {
        let gateway = self.gateway_tls.flaws().into_iter().map(|(part, complaint)| (Key::GatewayTls(part), complaint));
        let web = self.web_tls.flaws().into_iter().map(|(part, complaint)| (Key::WebTls(part), complaint));
        gateway.chain(web).collect()
    }

    /// The settings, with the secret's file beside the data folder unless another was told.
    ///
    /// # Errors
    /// The secret's file would lie inside of the data folder, or has nothing to be named after; told of the key.
    pub(crate) fn finish(self) -> Result<Settings, (Key, Complaint)> {
        if let Err(complaint) = edge::check(&self.settings.edge) {
            return Err((Key::Edge(EdgeKey::ProxyProtocol), complaint));
        }
        if let Some(told) = &self.settings.provider {
            let checked = provider::check(told, &self.settings.outbound);
            checked.map_err(|(key, complaint)| (Key::Provider(key), complaint))?;
        }
        let data_dir = &self.settings.data_dir;
        let secret_file = match self.secret_file {
            Some(file) => file,
            None => {
                let Some(name) = data_dir.file_name() else {
                    let message = format!("'{}' has no name that the secret's file could take", data_dir.display());
                    return Err((Key::DataDir, (message, "name a folder, or set 'secret_file' too".into())));
                };
                let mut name = name.to_owned();
                name.push(".secret");
                data_dir.with_file_name(name)
            }
        };
        if secret_file.starts_with(data_dir) {
            let message = format!("'{}' lies inside of the data folder", secret_file.display());
            let mend = "put it elsewhere: whoever gets a copy of the data folder must not get the secret with it";
            return Err((Key::SecretFile, (message, mend.into())));
        }
        let gateway_tls = self.gateway_tls.finish("gateway", Versions::Both);
        let web_tls = self.web_tls.finish("web", Versions::Http1);
        let provider = self.settings.provider.map(provider::titled);
        Ok(Settings { secret_file, gateway_tls, web_tls, provider, ..self.settings })
    }
}

fn public_url(text: &str) -> Result<String, Complaint> {
    let complain = || {
        (format!("'{text}' is not a public address"), "write it like https://api.example.org, without a query".into())
    };
    let uri: http::Uri = text.parse().map_err(|_| complain())?;
    let whole = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
        && !text.contains(['?', '#', '"', '\'', '<', '>', '\\']);
    if whole { Ok(text.trim_end_matches('/').to_owned()) } else { Err(complain()) }
}

fn age(text: &str) -> Result<Duration, Complaint> {
    let seconds: Option<u64> = text.replace('_', "").parse().ok();
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err((format!("'{text}' is not a time that a snapshot may serve"), "use 1 to 86400 seconds".into())),
    }
}

fn whole(text: &str, least: u64, most: u64, unit: &str) -> Result<u64, Complaint> {
    let number: Option<u64> = text.replace('_', "").parse().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| (format!("'{text}' is not a number of {unit}"), format!("use {least} to {most}")))
}

fn path(text: &str) -> Result<PathBuf, Complaint> {
    if text.is_empty() || text.contains('\0') {
        return Err(("names no path".into(), "write a path, relative to where Limen is started or absolute".into()));
    }
    Ok(PathBuf::from(text))
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Complaint> {
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let mend = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean '{near}'? It is one of {}", names.join(", ")),
            None => format!("use one of {}", names.join(", ")),
        };
        (format!("'{text}' is not known here"), mend)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_stays_out_of_the_data_folder() {
        let with = |data_dir: &str, secret: Option<&str>| {
            let mut draft = Draft::default();
            draft.set(Key::DataDir, data_dir).expect("a path");
            if let Some(secret) = secret {
                draft.set(Key::SecretFile, secret).expect("a path");
            }
            draft.finish().map(|settings| settings.secret_file).map_err(|(key, _)| key)
        };
        assert_eq!(with("./limen-data", None), Ok(PathBuf::from("./limen-data.secret")));
        assert_eq!(with("/var/lib/limen/", None), Ok(PathBuf::from("/var/lib/limen.secret")));
        assert_eq!(with("/", None), Err(Key::DataDir));
        assert_eq!(with("d", Some("d/secret")), Err(Key::SecretFile));
        assert_eq!(with("d", Some("/etc/limen/secret")), Ok(PathBuf::from("/etc/limen/secret")));
    }
}
