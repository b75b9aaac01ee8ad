//! Where callers and people reach the process: its public addresses, and TLS at their doors; and through whom people
//! sign in.

use std::net::TcpListener;
use std::sync::Arc;

use limen_gateway::gateway::Settings as GatewaySettings;
use limen_gateway::tls::{Files, Tls};
use limen_portal::Provider;
use limen_portal::ports::Addresses;

use super::adapters::{SecretFile, WallClock};
use super::failure::StartFailure;
use super::outbound::{AT_ONCE_MAX, Way};
use crate::config::Settings;

/// The addresses as callers and people see them.
pub(super) fn addresses(
    settings: &Settings,
    gateway: &TcpListener,
    web: &TcpListener,
) -> Result<Addresses, StartFailure> {
    let of = |public: &Option<String>, tls: &Option<Files>, listener: &TcpListener| match public {
        Some(url) => Ok(url.clone()),
        None => listener
            .local_addr()
            .map(|address| format!("{}://{address}", if tls.is_some() { "https" } else { "http" }))
            .map_err(|error| StartFailure::of("A listener has no address", error, "Start again.")),
    };
    Ok(Addresses {
        gateway_url: of(&settings.gateway_public_url, &settings.gateway_tls, gateway)?,
        web_url: of(&settings.web_public_url, &settings.web_tls, web)?,
    })
}

/// What the gateway is told of them.
pub(super) fn gateway_settings(settings: &Settings, addresses: &Addresses) -> GatewaySettings {
    GatewaySettings {
        gateway_url: addresses.gateway_url.clone(),
        web_url: addresses.web_url.clone(),
        snapshot_max_age_us: u64::try_from(settings.snapshot_max_age.as_micros()).unwrap_or(u64::MAX),
        rate_limit_fields: true,
        edge: settings.edge.clone(),
    }
}

/// TLS of a listener, from files that are read again when they change.
pub(super) fn open_tls(files: Option<&Files>) -> Result<Option<Arc<Tls>>, StartFailure> {
    let Some(files) = files else { return Ok(None) };
    let tls = Tls::open(files.clone()).map_err(|flaws| {
        let told: Vec<_> = flaws.iter().map(|flaw| format!("{}: {}", flaw.field, flaw.message)).collect();
        StartFailure::new(told.join("\n"), "Look at the files with 'limen check'.")
    })?;
    tokio::spawn(Arc::clone(&tls).watch());
    Ok(Some(tls))
}

/// The sign-in provider, if one was named; nothing is asked of it yet.
pub(super) fn provider(settings: &Settings, way: &Way) -> Result<Option<Arc<Provider>>, StartFailure> {
    let way = Arc::new(way.beside(AT_ONCE_MAX));
    let Some(told) = &settings.provider else { return Ok(None) };
    let secret = SecretFile(told.secret_file.clone());
    secret.check().map_err(|words| {
        StartFailure::new(
            format!("sign_in.provider.secret_file: {words}."),
            "Write the secret that the provider gave Limen into that file, and nothing else.",
        )
    })?;
    Ok(Some(Provider::new(told.rules.clone(), way, Arc::new(secret), Arc::new(WallClock))))
}
