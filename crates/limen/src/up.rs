//! `limen up`: opens what is kept, joins the crates, serves, and ends in order.

mod adapters;
mod banner;
mod failure;
mod issuers;
mod notify;
pub(crate) mod outbound;
mod places;
mod refresh;
mod running;
mod sample;
mod secret;
mod signing;
mod sockets;
mod targets;
mod telemetry;
mod upgrade;
mod web;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use limen_gateway::accounts::{Accounts, Reading};
use limen_gateway::budget::Budget;
use limen_gateway::clock::{Clock as _, SystemClock};
use limen_gateway::current::Current;
use limen_gateway::edge::Edge;
use limen_gateway::gateway::{BODIES_BYTES, Gateway};
use limen_gateway::issuers::Issuers;
use limen_gateway::journal::Journal;
use limen_gateway::listener::{self, IdleConnection};
use limen_gateway::metrics::Metrics;
use limen_gateway::targets::Targets;
use limen_gateway::tls::Tls;
use limen_gateway::token_cache::TokenCache;
use limen_portal::ports::{Addresses, Portal};
use limen_rules::snapshot::Snapshot;
use limen_rules::token::Issuer;
use limen_store::{DataFolder, OpenError, Store};
use tokio::sync::watch;

use crate::arguments::Up;
use crate::config::{self, Config, Flaws, Settings};
use failure::StartFailure;
use places::{addresses, open_tls};
use running::{HandedOver, Signals, Started};
use secret::Secret;
use signing::Keys;
use sockets::{Inherited, Legacy, Sockets};
use upgrade::Successor;

/// The file of rate windows in the data folder.
const WINDOWS_FILE: &str = "windows";
/// Where the store keeps that a first run was carried through.
const FIRST_RUN_SETTING: &str = "first_run";
/// Tells the machine's boot, and so the life of its monotonic clock.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Runs until a signal ends it, or another process takes its place.
pub(crate) fn run(arguments: &Up) -> ExitCode {
    let inherited = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(failure) => return refused(&failure),
    };
    let successor = Successor::of_this_process();
    let mut config = match load(arguments) {
        Ok(config) => config,
        Err(flaws) => {
            eprintln!("{flaws}");
            return ExitCode::from(2);
        }
    };
    if upgrade::is_trial() {
        return match upgrade::try_start(&config.settings) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => refused(&failure),
        };
    }
    telemetry::begin_log(&config.settings);
    match serve(arguments, &mut config, inherited, successor) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some((successor, legacy))) => {
            eprintln!("limen: nothing took over: {}", successor.take_over(legacy));
            ExitCode::from(2)
        }
        Err(failure) => refused(&failure),
    }
}

fn refused(failure: &StartFailure) -> ExitCode {
    eprintln!("{failure}");
    ExitCode::from(2)
}

/// Reads the configuration. Where there is no store yet, all that is referred to must be declared in the file, and that
/// is checked before anything is made.
fn load(arguments: &Up) -> Result<Config, Flaws> {
    let config = config::load(&arguments.sources(), None)?;
    config.check_issuers(false)?;
    if !config.settings.data_dir.join(limen_store::DATABASE_FILE).exists() {
        config.check_over(&limen_rules::model::Declared::default())?;
    }
    Ok(config)
}

fn serve(
    arguments: &Up,
    config: &mut Config,
    inherited: Inherited,
    successor: Option<Successor>,
) -> Result<Option<(Successor, Legacy)>, StartFailure> {
    // Whatever is made from here on, by any crate, is for this user alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let unstarted = |error| StartFailure::of("Threads could not be started", error, "Look at the machine's limits.");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("portal")
        .enable_all()
        .build()
        .map_err(unstarted)?;
    let signals = runtime.block_on(async { Signals::listen() }).map_err(unstarted)?;
    let (sockets, legacy) = Sockets::open(inherited, &mut config.settings)?;
    let folder = DataFolder::open(&config.settings.data_dir).map_err(|error| unopened(&error))?;
    let ended = runtime.block_on(async {
        let started = start(arguments, config, folder, sockets).await?;
        Ok(started.until_told(signals, successor).await)
    });
    // Whatever still waits for a slow peer must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    Ok(ended?.map(|HandedOver { successor, idle }| (successor, legacy.with(idle))))
}

fn unopened(error: &OpenError) -> StartFailure {
    StartFailure::new(error.to_string(), error.way_out())
}

fn unkept(error: impl std::fmt::Display) -> StartFailure {
    StartFailure::of("The data folder can't be read or written", error, "Look at its disk and permissions.")
}

async fn start(arguments: &Up, config: &Config, folder: DataFolder, sockets: Sockets) -> Result<Started, StartFailure> {
    let settings = &config.settings;
    let store = Store::open(folder).await.map_err(|error| unopened(&error))?;
    let addresses = addresses(settings, &sockets.gateway, &sockets.web)?;
    let issuer = issuer(&store, settings, &addresses).await?;
    let keys = open_keys(arguments, settings, &store, issuer.clone()).await?;
    let credentials = prepare(arguments, config, &store, &keys).await?;

    let declared = store.declared().await.map_err(unkept)?;
    let sample_alive = sample::is_alive(&declared);
    refuse_outward_sample(arguments, settings, sample_alive)?;
    let sample_target = if sample_alive { sample::target(&store, &addresses.gateway_url).await? } else { None };

    let accounts = open_accounts(&store)?;
    let way = outbound::Way::open(&settings.outbound)?;
    let (revision, catalog, subscriptions) = store.directory(SystemClock.wall_us()).await.map_err(unkept)?;
    let snapshot = Snapshot::of(revision, &catalog, subscriptions, issuer.clone());
    let gateway = Arc::new(Gateway {
        settings: places::gateway_settings(settings, &addresses),
        current: Current::new(snapshot, SystemClock.monotonic_us()),
        targets: Targets::new(sample_target),
        accounts: accounts.clone(),
        tokens: TokenCache::default(),
        issuers: Issuers::new(Arc::new(issuers::Asker::new(&way))),
        journal: Journal::default(),
        metrics: Metrics::default(),
        drift: limen_gateway::drift::Drift::default(),
        access_log: telemetry::open_access_log(settings, store.folder())?,
        clock: Arc::new(SystemClock),
        assertion_key: ArcSwapOption::empty(),
        tls: open_tls(settings.gateway_tls.as_ref())?,
        bodies: Budget::new(BODIES_BYTES),
    });
    refresh::sign_with_current(&gateway, &keys);
    let (refreshed, refresher) = refresh::start(Arc::clone(&gateway), store.clone(), issuer, Arc::clone(&keys));
    let started_at_us = SystemClock.wall_us();
    let view = Arc::new(adapters::View { gateway: Arc::clone(&gateway), started_at_us, refusals: Arc::default() });
    let refusals = Arc::clone(&view.refusals);
    let portal = Portal {
        store: store.clone(),
        clock: Arc::new(adapters::WallClock),
        random: Arc::new(adapters::SystemRandomness),
        signer: Arc::clone(&keys) as _,
        gateway: view,
        refresh: Arc::new(refreshed),
        addresses: Arc::new(addresses.clone()),
        sample: Arc::new(sample::names(&store).await.map_err(unkept)?),
        memory: limen_portal::Memory::default(),
        provider: places::provider(settings, &way)?,
        settings: Arc::new(config.told.clone()),
        version: env!("CARGO_PKG_VERSION"),
        started_at_us,
        snapshot_age_max_ms: u64::try_from(settings.snapshot_max_age.as_millis()).unwrap_or(u64::MAX),
    };
    let web_tls = open_tls(settings.web_tls.as_ref())?;
    let metrics_url = sockets.metrics.as_ref().and_then(telemetry::metrics_url);
    let stop_portal = serve_portal(portal, &store, (sockets.web, web_tls, settings.edge.clone()), sockets.metrics)?;
    do_by_age(keys, store.clone());
    let mut watching = targets::watch(&gateway, &store);
    gateway.issuers.follow(&gateway.current.pin().catalog);
    watching.spawn(issuers::keep_keys(Arc::clone(&gateway), way.beside(outbound::AT_ONCE_MAX)));
    accounts.rest(Arc::new(SystemClock));
    banner::warn_of_unreachable(settings);
    issuers::first_keys(&gateway).await;
    let running = serve_gateway(&gateway, sockets.gateway, sockets.idle)?;
    end_first_run(&store).await?;
    let sample = (sample_alive && arguments.sample() != Some(false)).then_some(credentials.as_ref());
    banner::tell(arguments.output, &addresses, metrics_url.as_deref(), sample, settings);
    let (config_file, metrics) = (arguments.config.clone(), settings.metrics_listen.clone());
    Ok(Started { running, gateway, accounts, store, refresher, watching, stop_portal, config_file, refusals, metrics })
}

/// Lets calls come in; those that an earlier process left open go on.
fn serve_gateway(
    gateway: &Arc<Gateway>,
    listening: TcpListener,
    idle: Vec<IdleConnection>,
) -> Result<listener::Running, StartFailure> {
    listener::serve(gateway, listening, idle)
        .map_err(|error| StartFailure::of("The gateway could not be started", error, "Look at the machine's limits."))
}

/// A first run that came so far isn't repeated.
async fn end_first_run(store: &Store) -> Result<(), StartFailure> {
    if is_first_run(store).await? {
        store.set_setting(FIRST_RUN_SETTING, "done").await.map_err(unkept)?;
    }
    Ok(())
}

/// So many earlier addresses are remembered as issuers.
const EARLIER_ISSUERS_MAX: usize = 64;

/// Issuer and audience of tokens. The issuer is the web address, where its metadata are (RFC 8414 §3.3); where none was
/// told, that can change with a port, so tokens of earlier ones stay good. The audience is what was told, else what the
/// first run had.
async fn issuer(store: &Store, settings: &Settings, addresses: &Addresses) -> Result<Issuer, StartFailure> {
    let kept = store.setting("issuer").await.map_err(unkept)?.unwrap_or_default();
    let is_told = settings.web_public_url.is_some();
    let earlier = kept.split(' ').filter(|url| !url.is_empty() && *url != addresses.web_url && !is_told);
    let earlier: Vec<String> = earlier.take(EARLIER_ISSUERS_MAX).map(str::to_owned).collect();
    let all: Vec<&str> = std::iter::once(&addresses.web_url).chain(&earlier).map(String::as_str).collect();
    store.set_setting("issuer", &all.join(" ")).await.map_err(unkept)?;
    let audience = match &settings.gateway_public_url {
        Some(url) => store.set_setting("audience", url).await.map(|()| url.clone()),
        None => store.setting_or_insert("audience", &addresses.gateway_url).await,
    };
    Ok(Issuer { issuer: addresses.web_url.clone(), audience: audience.map_err(unkept)?, earlier })
}

async fn open_keys(
    arguments: &Up,
    settings: &Settings,
    store: &Store,
    issuer: Issuer,
) -> Result<Arc<Keys>, StartFailure> {
    let has_keys = !store.signing_keys().await.map_err(unkept)?.is_empty();
    let secret = Secret::open(&settings.secret_file, !has_keys || arguments.new_signing_key)?;
    Keys::open(store.clone(), secret, issuer, arguments.new_signing_key).await
}

/// Brings in what the configuration declares, and on a first run the sample.
async fn prepare(
    arguments: &Up,
    config: &Config,
    store: &Store,
    keys: &Arc<Keys>,
) -> Result<Option<sample::Credentials>, StartFailure> {
    let now_us = SystemClock.wall_us();
    let existing = store.declared().await.map_err(unkept)?;
    let nothing = limen_rules::model::Declared::default();
    let nothing_declared = config.declared == nothing;
    let loopback = config.settings.gateway_listen.is_loopback() && config.settings.web_listen.is_loopback();
    // Not the folder's age: a first run that was killed before it was done is still to come, over what it left.
    let first_run = is_first_run(store).await?;
    let sample_alive = sample::is_alive(&existing);
    let wanted = match arguments.sample() {
        Some(told) => told && (first_run || !sample_alive),
        None => first_run && (sample_alive || existing == nothing) && nothing_declared && loopback,
    };
    let credentials = if wanted { Some(sample::make(store, keys.as_ref(), now_us).await?) } else { None };
    if !nothing_declared {
        let existing = store.declared().await.map_err(unkept)?;
        config
            .check_over(&existing)
            .map_err(|flaws| StartFailure::new(flaws.to_string(), "Mend the file and start again."))?;
        store.apply(&config.declared, now_us, false).await.map_err(unkept)?;
    }
    Ok(credentials)
}

/// Whether no start with this folder has come to its end, at which credentials are told.
async fn is_first_run(store: &Store) -> Result<bool, StartFailure> {
    Ok(store.setting(FIRST_RUN_SETTING).await.map_err(unkept)?.is_none())
}

/// Sample credentials are printed on a screen and must not open a door that others can reach.
fn refuse_outward_sample(arguments: &Up, settings: &Settings, sample_alive: bool) -> Result<(), StartFailure> {
    let outward = [&settings.gateway_listen, &settings.web_listen].into_iter().find(|place| !place.is_loopback());
    match outward {
        Some(place) if sample_alive && arguments.sample() != Some(true) => Err(StartFailure::new(
            format!(
                "{place} can be reached from outside, and the sample's credentials are alive in {}.",
                settings.data_dir.display()
            ),
            "Start on a loopback address and run 'limen sample remove'; or name another folder with --data-dir; or allow it with --sample.",
        )),
        _ => Ok(()),
    }
}

fn open_accounts(store: &Store) -> Result<Accounts, StartFailure> {
    let unread =
        |error| StartFailure::of(&format!("{BOOT_ID} can't be read"), error, "Limen needs /proc to be mounted.");
    let boot_id = std::fs::read_to_string(BOOT_ID).map_err(unread)?;
    let now = Reading { monotonic_us: SystemClock.monotonic_us(), wall_us: SystemClock.wall_us() };
    let ledger = Arc::new(adapters::StoreLedger(store.clone()));
    let path = store.folder().file(WINDOWS_FILE);
    let runtime = tokio::runtime::Handle::current();
    Accounts::open(&path, boot_id.trim(), store.fresh(), now, ledger, runtime).map_err(|error| {
        StartFailure::of(
            &format!("The rate windows in {} can't be used", path.display()),
            error,
            "Make room on that disk, or remove the file: windows then count as full for at most their length.",
        )
    })
}

/// Starts web pages and admin API; what is sent on the channel ends them.
fn serve_portal(
    portal: Portal,
    store: &Store,
    (web, tls, edge): (TcpListener, Option<Arc<Tls>>, Edge),
    metrics: Option<TcpListener>,
) -> Result<watch::Sender<bool>, StartFailure> {
    let unserved = |error| StartFailure::of("The web pages could not be started", error, "Start again.");
    let web = tokio::net::TcpListener::from_std(web).map_err(unserved)?;
    let admin = limen_portal::bind_admin_socket(store.folder().path()).map_err(|error| {
        StartFailure::of(
            "The admin socket can't be made",
            error,
            "Remove admin.sock from the data folder, or look at its permissions.",
        )
    })?;
    let (stop, stopping) = watch::channel(false);
    let until = |mut stopping: watch::Receiver<bool>| async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    if let Some(listener) = metrics {
        telemetry::serve_metrics(portal.clone(), listener, stopping.clone())?;
    }
    let pages = limen_portal::web_router(portal.clone());
    tokio::spawn(web::serve(web, pages, tls, edge, stopping.clone()));
    tokio::spawn(limen_portal::serve_admin(admin, limen_portal::admin_router(portal), until(stopping)));
    Ok(stop)
}

/// What the passing of time asks for: new signing keys, and an end to what is over.
fn do_by_age(keys: Arc<Keys>, store: Store) {
    forget_by_age(store);
    tokio::spawn(async move {
        let mut hourly = tokio::time::interval(std::time::Duration::from_secs(3_600));
        loop {
            hourly.tick().await;
            keys.rotate_if_old().await;
        }
    });
}

/// Forgets codes, sessions, answers and grants that are over, also where nobody signs in any more.
fn forget_by_age(store: Store) {
    tokio::spawn(async move {
        let mut often = tokio::time::interval(std::time::Duration::from_secs(10));
        loop {
            often.tick().await;
            // What fails is tried again; the snapshot's refresh tells of a store that is unwell.
            while store.sweep_sign_in(SystemClock.wall_us()).await.is_ok_and(|forgotten| forgotten > 0) {}
        }
    });
}
