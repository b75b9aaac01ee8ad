//! A running Limen until it ends: what signals ask for, and the order in which it is taken apart.

use std::path::PathBuf;
use std::sync::Arc;

use limen_gateway::access_log::AccessLog;
use limen_gateway::accounts::Accounts;
use limen_gateway::clock::{Clock as _, SystemClock};
use limen_gateway::gateway::Gateway;
use limen_gateway::listener::{IdleConnection, Running};
use limen_store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::notify;
use super::upgrade::{Refusals, Successor};
use crate::command;
use crate::config::{self, Listen, Sources};

/// Listens for signals from early on: most would end a process that doesn't.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    upgrade: Signal,
}

impl Signals {
    /// Must be called within a tokio runtime.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            upgrade: signal(SignalKind::user_defined2())?,
        })
    }
}

/// What a signal asks for.
enum Asked {
    Stop,
    Reload,
    Upgrade,
}

/// Everything that runs.
pub(super) struct Started {
    pub(super) running: Running,
    pub(super) gateway: Arc<Gateway>,
    pub(super) accounts: Accounts,
    pub(super) store: Store,
    pub(super) refresher: JoinHandle<()>,
    /// Health checks, and the watch over outages.
    pub(super) watching: JoinSet<()>,
    pub(super) stop_portal: watch::Sender<bool>,
    pub(super) config_file: Option<PathBuf>,
    pub(super) refusals: Arc<Refusals>,
    /// Where figures are asked for.
    pub(super) metrics: Option<Listen>,
}

/// What is handed to the process that follows.
pub(super) struct HandedOver {
    pub(super) successor: Successor,
    pub(super) idle: Vec<IdleConnection>,
}

impl Started {
    /// Serves until it is told to end, then ends: calls first, then their counts, then the store. Gives what another
    /// process goes on with, where one is to follow.
    pub(super) async fn until_told(self, mut signals: Signals, successor: Option<Successor>) -> Option<HandedOver> {
        notify::tell("READY=1");
        let successor = loop {
            let asked = tokio::select! {
                _ = signals.interrupt.recv() => Asked::Stop,
                _ = signals.terminate.recv() => Asked::Stop,
                _ = signals.hangup.recv() => Asked::Reload,
                _ = signals.upgrade.recv() => Asked::Upgrade,
            };
            match asked {
                Asked::Stop => break None,
                Asked::Reload => self.reload().await,
                Asked::Upgrade => match self.prepare_upgrade(successor.as_ref()).await {
                    Ok(successor) => break Some(successor),
                    Err(why) => {
                        tracing::error!(%why, "the upgrade was refused; this process goes on");
                        self.refusals.note(why, SystemClock.wall_us());
                    }
                },
            }
        };
        Some(HandedOver { idle: self.end(successor.is_some()).await, successor: successor? })
    }

    async fn end(self, hands_over: bool) -> Vec<IdleConnection> {
        let idle = if hands_over {
            tracing::info!("another process takes over: calls under way are finished");
            notify::tell(&reloading());
            self.running.hand_over().await
        } else {
            tracing::info!("stopping: calls under way are finished");
            notify::tell("STOPPING=1");
            self.running.stop().await;
            Vec::new()
        };
        self.accounts.shutdown().await;
        let gateway = self.gateway;
        let _ = tokio::task::spawn_blocking(move || gateway.access_log.as_ref().map(AccessLog::close)).await;
        let _ = self.stop_portal.send(true);
        self.refresher.abort();
        drop(self.watching);
        if let Err(error) = self.store.close().await {
            tracing::warn!(%error, "the store did not close in order");
        }
        idle
    }

    /// Makes sure that whoever follows could start, while this process can still go on.
    async fn prepare_upgrade(&self, successor: Option<&Successor>) -> Result<Successor, String> {
        let successor = successor.ok_or("it is not known where this program lies")?;
        successor.try_out(self.metrics.as_ref()).await?;
        if let Some(file) = &self.config_file {
            let existing = self.store.declared().await.map_err(|error| error.to_string())?;
            let sources = Sources { file: Some(file), ..Sources::default() };
            config::load(&sources, Some(&existing)).map_err(|flaws| flaws.to_string())?;
        }
        Ok(successor.clone())
    }

    /// Brings in what the configuration file declares now. Settings are for the next start.
    async fn reload(&self) {
        let Some(file) = self.config_file.clone() else {
            tracing::warn!("there is no configuration file to read again");
            return;
        };
        notify::tell(&reloading());
        let data_dir = self.store.folder().path().to_owned();
        let applied = tokio::task::spawn_blocking(move || command::apply_file(&data_dir, &file)).await;
        match applied {
            Ok(Ok(words)) => tracing::info!(%words, "the configuration was read again"),
            Ok(Err(flaws)) => tracing::error!(%flaws, "the configuration was refused; the old one stays"),
            Err(error) => tracing::error!(%error, "the configuration could not be read again"),
        }
        notify::tell("READY=1");
    }
}

fn reloading() -> String {
    format!("RELOADING=1\nMONOTONIC_USEC={}", SystemClock.monotonic_us())
}
