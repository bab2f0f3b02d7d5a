//! A server whose clock the test sets.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use wardroom::{app::App, config::Config};
use wardroom_base::clock::Clock;
use wardroom_domain::time::Timestamp;

use crate::{
    database::Database,
    server::{ADMIN, Api},
};

/// A clock that stands still until it is set.
#[derive(Clone)]
pub struct SetClock(Arc<AtomicI64>);

impl SetClock {
    /// Stands at a time, in Unix milliseconds.
    pub fn at(unix_ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(unix_ms)))
    }

    /// Sets it.
    pub fn set(&self, unix_ms: i64) {
        self.0.store(unix_ms, Ordering::SeqCst);
    }

    /// Sets it on by some time.
    pub fn pass(&self, duration: Duration) {
        self.0.fetch_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}

/// Starts a server by the clock.
///
/// # Panics
/// When it does not start.
pub async fn start(data: &Path, database: &Database, clock: &SetClock) -> (App, Api) {
    start_with(config(data, database), clock).await
}

/// Starts a server with a configuration, by the clock.
///
/// # Panics
/// When it does not start.
pub async fn start_with(config: Config, clock: &SetClock) -> (App, Api) {
    let app = App::start_by(config, Arc::new(clock.clone())).await.expect("starts");
    let api = Api::new(app.address, ADMIN);
    (app, api)
}

/// What a server of a test is started with.
pub fn config(data: &Path, database: &Database) -> Config {
    Config {
        data: data.to_owned(),
        database_url: Some(database.url.as_str().into()),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        admin_token: Some(ADMIN.into()),
        ..Config::default()
    }
}
