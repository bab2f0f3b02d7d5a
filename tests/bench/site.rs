//! A server as it runs in production: the release binary in a process of its own, over a database of its own. It ends, and
//! its files go, with this value.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use reqwest::Method;
use sqlx::{AnyConnection, Connection, Executor, Row};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use wardroom_tests::{
    database::{Database, Kind},
    process::{free_port, now},
    server::{ADMIN, Api},
};

use super::facts;

/// How often a server that starts is asked whether it is ready: the resolution of the time it takes.
const LOOK: Duration = Duration::from_millis(1);
/// How long a server may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(2);

/// The server and what it stands on.
pub(crate) struct Site {
    /// What the clients ask.
    pub(crate) api: Api,
    kind: Kind,
    // Dropped in this order: the server first, then the files under it.
    server: Child,
    /// A second host over the same database.
    second: Option<(Child, TempDir)>,
    data: TempDir,
    database: Database,
}

impl Site {
    /// Starts one over nothing.
    ///
    /// # Panics
    /// When it does not become ready.
    pub(crate) async fn start(kind: Kind) -> Self {
        let (database, data) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let (server, api, _) = start(data.path(), &database.url).await;
        Self { api, kind, server, second: None, data, database }
    }

    /// Starts a second host over the same database, with the same key.
    ///
    /// # Panics
    /// When it does not become ready.
    pub(crate) async fn join(&mut self) {
        let data = tempfile::tempdir().expect("a folder");
        std::fs::copy(self.data.path().join("key"), data.path().join("key")).expect("the key is there");
        let (server, ..) = start(data.path(), &self.database.url).await;
        self.second = Some((server, data));
    }

    /// Ends the server as a crash does.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub(crate) async fn kill(&mut self) {
        if let Some((mut second, _data)) = self.second.take() {
            second.kill().await.expect("the second host is killed");
        }
        self.server.kill().await.expect("the server is killed");
    }

    /// Starts it again after [`Site::kill`]; gives the time from the start of the process until `/readyz` answered 200.
    ///
    /// # Panics
    /// When it does not become ready.
    pub(crate) async fn start_again(&mut self) -> Duration {
        let (server, api, took) = start(self.data.path(), &self.database.url).await;
        (self.server, self.api) = (server, api);
        took
    }

    /// Ends it and takes its database away.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub(crate) async fn remove(mut self) {
        self.kill().await;
        self.database.remove().await;
    }

    /// A connection past the server.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) async fn connect(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&self.database.url).await.expect("a connection")
    }

    /// Brings the database into the order in which it would be after some days: what is in SQLite's log goes to its place,
    /// and PostgreSQL gets what autovacuum does.
    ///
    /// # Panics
    /// When the database does not do it.
    pub(crate) async fn settle(&self) {
        let mut connection = self.connect().await;
        let statements: &[&str] = match self.kind {
            Kind::Sqlite => &["PRAGMA wal_checkpoint(TRUNCATE)"],
            Kind::Postgres => &["VACUUM ANALYZE", "CHECKPOINT"],
        };
        for statement in statements {
            connection.execute(*statement).await.expect("is done");
        }
    }

    /// How large the database is.
    ///
    /// # Panics
    /// When the database does not say.
    pub(crate) async fn database_bytes(&self) -> f64 {
        let sql = match self.kind {
            Kind::Sqlite => "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            Kind::Postgres => "SELECT pg_database_size(current_database())",
        };
        let row = sqlx::query(sql).fetch_one(&mut self.connect().await).await.expect("a size");
        let bytes: i64 = row.try_get(0).expect("a number");
        // In KiB, which fit the integers that become floats without loss.
        f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) * 1024.0
    }

    /// A number of the server's `/metrics`.
    ///
    /// # Panics
    /// When there is none of this name.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let answer = self.api.client().get(format!("{}/metrics", self.api.url)).send().await.expect("an answer");
        let text = answer.text().await.expect("a text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name} is not in:\n{text}"))
    }

    /// CPU time the server has used so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        facts::cpu_time(self.pid())
    }

    /// The memory the server holds, in bytes.
    pub(crate) fn resident_bytes(&self) -> f64 {
        facts::resident_bytes(self.pid())
    }

    fn pid(&self) -> u32 {
        self.server.id().expect("the server runs")
    }
}

/// Starts the server that was built beside this program, and waits until it is ready.
async fn start(data: &Path, url: &str) -> (Child, Api, Duration) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let program = std::env::current_exe().expect("this program has a path").with_file_name("wardroom");
    // Made before the clock starts: it reads certificates.
    let api = Api::new(address, ADMIN);
    let begun = now();
    let mut server = Command::new("setpriv")
        .args(["--pdeathsig", "KILL"])
        .arg(&program)
        .args(["serve", "--log", "warn", "--listen", &address.to_string(), "--data"])
        .arg(data)
        .env("WARDROOM_DATABASE_URL", url)
        .env("WARDROOM_ADMIN_TOKEN", ADMIN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    loop {
        let answer = api.try_send(Method::GET, "//readyz", &[], Vec::new()).await;
        let took = begun.elapsed();
        if answer.is_ok_and(|answer| answer.status == 200) {
            return (server, api, took);
        }
        let ended = server.try_wait().expect("the process can be asked");
        assert!(ended.is_none(), "{}: {ended:?}; scripts/bench.sh builds it", program.display());
        assert!(took < PATIENCE, "the server is not ready");
        tokio::time::sleep(LOOK).await;
    }
}
