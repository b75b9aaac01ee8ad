//! The service as its owner sees it: settings, open, serve.
//! It knows nothing of the resources that are served, nor of the gateway in front.

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use sqlx::SqlitePool;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::error::SampleError;
use crate::{database, router};

/// How long requests in flight may go on after the shutdown signal.
const GRACE: Duration = Duration::from_secs(5);

/// Where the service keeps its data, and under which address the world sees it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The SQLite file; made and seeded when it isn't there. Its folder must exist.
    pub database: PathBuf,
    /// The public address that `next_link` starts with, e.g. `http://127.0.0.1:8080/constituent/v1`.
    pub public_base_url: String,
}

/// What every handler has at hand.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) pool: SqlitePool,
    /// Without a slash at the end.
    pub(crate) public_base_url: Arc<str>,
}

/// The service, its database open, ready to serve.
#[derive(Debug)]
pub struct Sample {
    shared: Shared,
}

/// Opens the database of `settings`, making and seeding it when it is new.
///
/// # Errors
///
/// When the file can't be used: see [`SampleError`], whose messages name the file and the way out.
pub async fn open(settings: Settings) -> Result<Sample, SampleError> {
    let pool = database::open(&settings.database).await?;
    let public_base_url = settings.public_base_url.trim_end_matches('/').into();
    Ok(Sample { shared: Shared { pool, public_base_url } })
}

impl Sample {
    /// Answers on `listener` until `shutdown` resolves, then lets requests in flight end within five seconds and
    /// closes the database.
    ///
    /// The listener must be on loopback: see the head of this crate.
    ///
    /// # Errors
    ///
    /// [`SampleError::Serve`] when the listener fails for good.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), SampleError> {
        let stopping = Arc::new(Notify::new());
        let told = Arc::clone(&stopping);
        let signal = async move {
            shutdown.await;
            told.notify_one();
        };
        // Small answers over kept-alive connections must not wait for an acknowledgement.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let pool = self.shared.pool.clone();
        let serving = axum::serve(listener, router::router(self.shared)).with_graceful_shutdown(signal).into_future();
        let cut_off = async {
            stopping.notified().await;
            tokio::time::sleep(GRACE).await;
        };
        let outcome = tokio::select! {
            outcome = serving => outcome.map_err(SampleError::Serve),
            () = cut_off => Ok(()),
        };
        pool.close().await;
        outcome
    }
}
